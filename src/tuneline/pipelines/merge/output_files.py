"""What a merged model is saved as: a folder for transformers, a GGUF file for llama.cpp."""

import json
import logging
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.adapter import Adapter
from tuneline.models.rendering import find_end_tokens
from tuneline.parameters import Gguf
from tuneline.pipelines.merge.base_weights import INDEX, PIECES
from tuneline.pipelines.merge.merged_weights import MergedWeights
from tuneline.utils.files import FULL
from tuneline.utils.hashing import check_files, hash_all, read_sealed, write_sealed
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)


PROVENANCE = "provenance.json"
AGAIN = "merge again: `kedro run --pipeline=merge` makes the whole folder anew"
MERGED = (
    "adapter",
    "base",
    "merged_into",
    "weights",
    "quantization",
    "dtype",
    "comparison",
)
LIBRARIES = ("tuneline", "torch", "transformers", "peft", "bitsandbytes", "safetensors")
CONVERTER = "convert_hf_to_gguf.py"
# Types that hold the numbers of a merged model as they are.
FORMATS = {"f16": "float16", "bf16": "bfloat16"}
# Of a failed converter's last words.
LAST_LINES = 3


def write_sidecar(folder: Path, weights: MergedWeights, adapter: Adapter) -> None:
    """Write configs, and the tokenizer with its chat template."""
    import torch

    config = weights.checkpoint.load_config()
    config.dtype = getattr(torch, weights.dtype)
    if weights.parted:
        config.tie_word_embeddings = False
    config.save_pretrained(folder)
    adapter.tokenizer.save_pretrained(folder)
    pieces = weights.checkpoint.find_file(PIECES)
    if pieces:
        shutil.copyfile(pieces, folder / PIECES)
    generation = weights.checkpoint.load_generation_config()
    generation.eos_token_id = find_end_tokens(adapter.tokenizer)
    generation.pad_token_id = adapter.tokenizer.pad_token_id
    # save_pretrained refuses values without effect, which many a published base model states.
    generation.to_json_file(folder / "generation_config.json")


def write_provenance(folder: Path, adapter: Adapter, facts: dict[str, Any]) -> None:
    """Write where the model comes from, and what its comparison with the judged model found."""
    provenance = {
        "merged": {key: facts[key] for key in MERGED},
        "adapter": adapter.provenance,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    (folder / PROVENANCE).unlink(missing_ok=True)  # of a comparison that was stopped
    write_sealed(folder / PROVENANCE, {**provenance, "files": hash_all(folder)})


def read_merged(folder: Path) -> dict[str, Any]:
    """Read what a folder's model was merged into, and what the comparison found.

    Returns:
        `weights`, `dtype` and `comparison`, among others.

    Raises:
        TunelineError: if a file of it is not what was written.
    """
    found = read_sealed(folder / PROVENANCE, AGAIN)
    check_files(folder, found.pop("files", {}), AGAIN)
    merged: dict[str, Any] = found["merged"]
    return merged


def split_shards(weights: MergedWeights, max_shard_size: str) -> Any:
    """Divide the tensors among files.

    Args:
        weights: the merged model's tensors.
        max_shard_size: of a file; only a tensor that is larger has a larger one, of its own.

    Returns:
        huggingface_hub's StateDictSplit.
    """
    from huggingface_hub import split_state_dict_into_shards_factory

    return split_state_dict_into_shards_factory(
        weights.count_bytes(),
        get_storage_size=lambda size: size,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=max_shard_size,
    )


def write_shards(weights: MergedWeights, split: Any, folder: Path) -> None:
    """Compute and write one file after the other; no more than one is in memory.

    Raises:
        SafetensorError: if the disk takes no more.
        TunelineError: if a tensor does not fit 16 bits.
    """
    from safetensors.torch import save_file

    with Progress("Merging", "tensors", len(weights.sources)) as progress:
        for file, names in split.filename_to_tensors.items():
            tensors = {}
            for name in names:
                tensors[name] = weights.compute(name)
                progress.update()
            save_file(tensors, folder / file, {"format": "pt"})
    if split.is_sharded:
        index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
        text = json.dumps(index, indent=2, sort_keys=True)
        (folder / INDEX).write_text(text + "\n", encoding="utf-8")


def find_converter(gguf: Gguf) -> Path | None:
    """Find llama.cpp's converter.

    Returns:
        Its path; `None` if none is named and none is on PATH.

    Raises:
        TunelineError: if the one that is named is not there.
    """
    if gguf.converter is None:
        found = shutil.which(CONVERTER)
        return Path(found) if found else None
    path = Path(gguf.converter).expanduser()
    if path.is_file():
        return path
    raise TunelineError(
        Problem(
            where="merge.gguf.converter",
            value=gguf.converter,
            wrong="there is no such file",
            matters="it makes the GGUF file",
            remedy=f"give the path of llama.cpp's {CONVERTER}, or leave it out to merge without a "
            "GGUF file",
        )
    )


def name_file(gguf: Gguf) -> str:
    """Name the GGUF file."""
    return f"model-{gguf.type}.gguf"


def format_result(file: str | None, gguf: Gguf, dtype: str) -> str:
    """Say whether there is a GGUF file, and what is not known of it.

    Args:
        file: its name; `None` where there is none.
        gguf: its type.
        dtype: the number format of the merged model.
    """
    if file is None:
        return (
            "No GGUF file was made: llama.cpp's convert_hf_to_gguf.py is not on PATH, and "
            "merge.gguf.converter names none."
        )
    made = f"llama.cpp's converter made {file}."
    if FORMATS.get(gguf.type) == dtype:
        return f"{made} It holds the merged model's own numbers; llama.cpp was not asked with it."
    return (
        f"{made} It was not compared with the judged model: {gguf.type} rounds the merged weights "
        "once more, so ask it some held-out prompts before it counts."
    )


def format_conversion(converter: str, merged: Path, outfile: Path, gguf: Gguf) -> list[str]:
    """Write the converter's command; a `.py` file is run by the Python that runs Tuneline."""
    python = [sys.executable] if converter.endswith(".py") else []
    options = ["--outfile", str(outfile), "--outtype", gguf.type]
    return [*python, converter, str(merged), *options]


def run_converter(converter: Path, merged: Path, outfile: Path, gguf: Gguf) -> None:
    """Run llama.cpp's converter; what it says goes to the log.

    Raises:
        TunelineError: if it fails, with its last lines, or makes no file.
        OSError: if the disk is full.
    """
    command = format_conversion(str(converter.resolve()), merged, outfile, gguf)
    log.info("llama.cpp's converter makes %s.", outfile.name)
    lines: list[str] = []
    try:
        # No shell; the words come from the catalog, from typed parameters and from PATH.
        with subprocess.Popen(  # noqa: S603
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                log.debug("%s", line.rstrip())
                lines = [*lines[1 - LAST_LINES :], line.strip()]
    except PermissionError as error:
        raise TunelineError(_format_failure(converter, "it may not be executed")) from error
    for number in FULL:
        if process.returncode and any(f"Errno {number}]" in line for line in lines):
            raise OSError(number, lines[-1])
    if process.returncode or not outfile.is_file():
        said = " / ".join(line for line in lines if line)
        raise TunelineError(_format_failure(converter, f"it ends with: {said or 'no word at all'}"))


def _format_failure(converter: Path, wrong: str) -> Problem:
    return Problem(
        where="merge.gguf.converter",
        value=str(converter),
        wrong=wrong,
        matters="there is no GGUF file; the merged model itself is whole",
        remedy="docs/merge.md says what the converter needs, and how to convert again without "
        "merging again",
    )


def list_commands(merged: Path, gguf: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """List the commands, for someone who is in the project's folder.

    Args:
        merged: the merged model's folder.
        gguf: the folder of Modelfile and GGUF file.
        facts: whether there is a GGUF file, its type, and the options of llama-cli.

    Returns:
        Lines for a shell: one for `transformers`, lists for `ollama` and `llama_cpp`.
    """
    name = merged.parent.name.replace("_", "-")
    file = gguf / (facts["file"] or f"model-{facts['type']}.gguf")
    convert = [
        f"python convert_hf_to_gguf.py {_quote(merged)} --outfile {_quote(file)} "
        f"--outtype {facts['type']}"
    ]
    return {
        "transformers": f"transformers serve {_quote(merged)}",
        "ollama": [f"ollama create {name} -f {_quote(gguf / 'Modelfile')}", f"ollama run {name}"],
        "llama_cpp": [
            *([] if facts["file"] else convert),
            f"llama-cli -m {_quote(file)} {shlex.join(facts['options'])}",
        ],
    }


def _quote(path: Path) -> str:
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if inside else path))

"""What a merged model is saved as: a folder for transformers, and the commands that use it."""

import json
import shlex
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tuneline.models.adapter import Adapter
from tuneline.models.rendering import find_end_tokens
from tuneline.pipelines.merge.base_weights import INDEX, PIECES
from tuneline.pipelines.merge.merged_weights import MergedWeights
from tuneline.utils.hashing import PROVENANCE, read_sealed_folder, seal_folder
from tuneline.utils.progress import Progress

AGAIN = "merge again: `kedro run --pipeline=merge` makes the whole folder anew"
MERGED = ("adapter", "base", "merged_into", "weights", "quantization", "dtype", "comparison")
LIBRARIES = ("tuneline", "torch", "transformers", "peft", "bitsandbytes", "safetensors")


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
    seal_folder(folder, provenance)


def read_merged(folder: Path) -> dict[str, Any]:
    """Read what a folder's model was merged into, and what the comparison found.

    Raises:
        TunelineError: if a file of it is not what was written.
    """
    merged: dict[str, Any] = read_sealed_folder(folder, AGAIN)["merged"]
    return merged


def split_shards(weights: MergedWeights, max_shard_size: str) -> Any:
    """Divide the tensors among files (StateDictSplit); one that is too large has its own."""
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


def list_commands(merged: Path, gguf: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """List shell lines, seen from the project, for `transformers`, `ollama` and `llama_cpp`."""
    name = merged.parent.name.replace("_", "-")
    file = gguf / facts["file"]
    convert = f"python convert_hf_to_gguf.py {_quote(merged)} --outfile {_quote(file)}"
    return {
        "transformers": f"transformers serve {_quote(merged)}",
        "ollama": [f"ollama create {name} -f {_quote(gguf / 'Modelfile')}", f"ollama run {name}"],
        "llama_cpp": [
            *([] if facts["files"] else [convert]),
            f"llama-cli -m {_quote(file)} {shlex.join(facts['options'])}",
        ],
    }


def _quote(path: Path) -> str:
    inside = path.is_absolute() and path.is_relative_to(Path.cwd())
    return shlex.quote(str(path.relative_to(Path.cwd()) if inside else path))

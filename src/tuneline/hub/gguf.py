"""GGUF files, as Ollama, LM Studio and llama.cpp keep models, as base models.

Such a file is converted once into a folder of the hub's cache, named after the file's hash: its
weights dequantized, with config, tokenizer and chat template, as `save_pretrained` writes them.
From then on it is a base model like any other. transformers reads the file (its documentation,
"GGUF"); the format is specified in ggml's docs/gguf.md.
"""

import functools
import importlib.util
import json
import logging
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.utils.disks import format_bytes, measure_volume
from tuneline.utils.files import is_full, replace_whole_folder
from tuneline.utils.hashing import hash_file
from tuneline.utils.progress import track

log = logging.getLogger(__name__)

MAGIC, SUFFIX = b"GGUF", ".gguf"
FOLDER = "gguf"
# A converted weight has 16 bits.
BYTES = 2
# Formats that hold each weight for itself; all others round a block of weights together.
PRECISE = {"float32", "float16", "bfloat16"}


@dataclass(frozen=True)
class GGUFFile:
    """What a file says of itself.

    Attributes:
        architecture: as llama.cpp names it; empty if it is not stated.
        kind: `model`, or `adapter`, `mmproj` … (`general.type`).
        parts: files that the model was divided into.
        parameters: number of weights.
        format: of most of them: `Q4_K`, say, or `float16`.
    """

    architecture: str
    kind: str
    parts: int
    parameters: int
    format: str

    def describe_rounding(self) -> str:
        """Say plainly what the file has made of the weights."""
        if self.format in PRECISE:
            return f"from a GGUF file, in {self.format}"
        return (
            f"from a GGUF file, rounded there to {self.format}: the model in 16 bits that it was "
            "made from is more exact"
        )


def find_gguf(base_model: str) -> Path | None:
    """Find the GGUF file that a recipe names as its base model; None if it names something else.

    It is a path from the project's folder, or a file of an installed package
    (`package/model.gguf`). Ollama's files have no suffix: their first bytes count.
    """
    path = Path(base_model).expanduser()
    if path.is_file():
        with path.open("rb") as file:
            return path if path.suffix == SUFFIX or file.read(len(MAGIC)) == MAGIC else None
    package, _, name = base_model.partition("/")
    if path.suffix != SUFFIX or not name or not package.isidentifier():
        return None
    found = importlib.util.find_spec(package)
    for folder in (found and found.submodule_search_locations) or []:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    return None


def locate_base(base_model: str) -> str:
    """Tell what `from_pretrained` takes for a base model: of a GGUF file the folder made of it."""
    path = find_gguf(base_model)
    return base_model if path is None else str(find_converted(path))


def find_converted(path: Path) -> Path:
    """Name the folder that a GGUF file is converted into, whether or not it is there."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE) / FOLDER / hash_gguf(path)[:16]


def hash_gguf(path: Path) -> str:
    """Hash a file (SHA-256); a file that has not changed is read once by a process."""
    seen = path.stat()
    return _hash(path, seen.st_mtime_ns, seen.st_size)


@functools.lru_cache
def _hash(path: Path, *_: int) -> str:
    return hash_file(path)


def describe_gguf(path: Path) -> GGUFFile:
    """Read what a file says of itself.

    Raises:
        TunelineError: if it is no GGUF file, cut off, or holds weights in an unknown format.
    """
    from transformers.integrations.gguf.dequant import GGML_NAME
    from transformers.integrations.gguf.reader import GgufHeader, read_gguf_metadata

    with _name_damage(path):
        fields, _ = read_gguf_metadata(str(path))
        kind, parts = str(fields.get("general.type", "model")), int(fields.get("split.count", 1))
        if kind != "model" or parts > 1:
            return GGUFFile(fields["general.architecture"], kind, parts, 0, "")
        header = GgufHeader.from_file(str(path))
        ends = [header.data_start + one.offset + one.nbytes for one in header.tensors]
        if max(ends, default=0) > path.stat().st_size:
            raise ValueError("its last weights are missing: it was cut off")
    sizes: dict[int, int] = {}
    for one in header.tensors:
        sizes[one.ggml_type] = sizes.get(one.ggml_type, 0) + math.prod(one.shape)
    most = max(sizes, key=lambda kind: sizes[kind], default=0)
    return GGUFFile(
        architecture=header.architecture,
        kind=kind,
        parts=parts,
        parameters=sum(sizes.values()),
        format=str(GGML_NAME.get(most, header.dtype)).removeprefix("torch."),
    )


def find_gguf_problems(path: Path) -> Iterator[Problem]:
    """Find what keeps a GGUF file from becoming a base model."""
    from transformers.integrations.gguf.utils import is_gguf_arch_supported
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        found = describe_gguf(path)
    except TunelineError as error:
        yield from error.problems
        return
    if found.kind == "adapter":
        yield _refuse(
            path,
            "it is a LoRA adapter, not a whole model",
            "name the GGUF file of the model that it was made for",
        )
    elif found.kind != "model":
        yield _refuse(
            path,
            f"it holds a part of another model (general.type = {found.kind})",
            "name the GGUF file of the language model",
        )
    elif found.parts > 1:
        yield _refuse(
            path,
            f"it is one of {found.parts} parts of a model",
            "join them: `llama-gguf-split --merge <first part> <new file>`",
        )
    elif not found.parameters:
        yield _refuse(path, "it holds no weights", "name the GGUF file of a language model")
    elif not is_gguf_arch_supported(found.architecture) and (
        found.architecture not in GGUF_SUPPORTED_ARCHITECTURES
    ):
        yield _refuse(
            path,
            f"transformers cannot read the architecture `{found.architecture}` from GGUF",
            "name the original model, in safetensors, or take a GGUF file of another family",
        )


def count_converted_bytes(path: Path) -> int:
    """Count the bytes that the weights of a GGUF file take once they are converted."""
    return describe_gguf(path).parameters * BYTES


def convert_gguf(path: Path, weights: bool = True) -> None:
    """Convert what is missing of config, tokenizer, chat template and, in 16 bits, `weights`.

    Raises:
        TunelineError: if disk or memory have no room for it, or the file is damaged.
    """
    with quiet_transformers():
        _convert_small_files(path)
        if weights:
            _convert_weights(path)


def _convert_small_files(path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    folder = find_converted(path)
    if folder.is_dir():
        return
    with _name_damage(path), replace_whole_folder(folder) as partial:
        config = AutoConfig.from_pretrained(
            path.parent, gguf_file=path.name, trust_remote_code=False
        )
        config.quantization_config = None
        del config.quantization_config
        config.save_pretrained(partial)
        tokenizer = AutoTokenizer.from_pretrained(
            path.parent, gguf_file=path.name, trust_remote_code=False
        )
        tokenizer.save_pretrained(partial)
        _drop_invented(partial / "tokenizer.json", config.get_text_config().vocab_size)


def _drop_invented(path: Path, vocabulary: int) -> None:
    """Drop tokens that no embedding belongs to.

    transformers gives GPT-2's `<|endoftext|>` to every byte-level vocabulary, also to Llama 3's,
    which has none (5.23).
    """
    stated = json.loads(path.read_text(encoding="utf-8"))
    stated["added_tokens"] = [one for one in stated["added_tokens"] if one["id"] < vocabulary]
    path.write_text(json.dumps(stated, ensure_ascii=False), encoding="utf-8")


def _convert_weights(path: Path) -> None:
    folder, needed = find_converted(path), count_converted_bytes(path)
    found = describe_gguf(path)
    log.info(
        "Converting %s (%s, %s parameters) once into %s: %s.",
        path.name,
        found.format,
        f"{found.parameters:,}",
        folder,
        format_bytes(needed),
    )
    _check_room(path, needed)
    weights = folder.parent / f"{folder.name}-weights"
    try:
        with _name_damage(path), replace_whole_folder(weights) as partial:
            _load(path).save_pretrained(partial)
        for file in sorted(weights.iterdir()):
            file.replace(folder / file.name)
    except TunelineError:
        raise
    except Exception as error:
        if not is_full(error):
            raise
        raise TunelineError(_format_lacking(path, needed)) from error
    finally:
        shutil.rmtree(weights, ignore_errors=True)


def _load(path: Path) -> Any:
    """Load the model, dequantized.

    float16 holds what 4 to 8 bits stand for; only weights that were stored in bfloat16, or that
    float16 cannot hold, become bfloat16.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig, modeling_gguf_pytorch_utils

    # Its own bar cannot be switched off.
    modeling_gguf_pytorch_utils.tqdm = lambda tensors, **_: track(tensors, "Converting", "tensors")
    stored = describe_gguf(path).format
    for dtype in ["bfloat16"] if stored == "bfloat16" else ["float16", "bfloat16"]:
        model = AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=getattr(torch, dtype),
            device_map={"": "cpu"},
            use_safetensors=True,
            trust_remote_code=False,
        )
        if all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values()):
            if getattr(model, "hf_quantizer", None):  # or it could not be saved
                model.hf_quantizer.remove_quantization_config(model)
            return model
    raise ValueError("some of its weights are not finite")


def _check_room(path: Path, needed: int) -> None:
    import psutil
    from huggingface_hub.constants import HF_HUB_CACHE

    if measure_volume(Path(HF_HUB_CACHE)).free < needed:
        raise TunelineError(_format_lacking(path, needed))
    memory = psutil.virtual_memory().available
    if memory < needed:
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                value=path,
                wrong=f"converting it takes {format_bytes(needed)} of memory, and "
                f"{format_bytes(memory)} are free",
                matters="the machine would stop the run",
                remedy="close other programs, or take a smaller base model",
            )
        )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers from warning of what is meant to happen."""
    from transformers.utils import logging as upstream

    shown = upstream.get_verbosity()
    upstream.set_verbosity_error()
    try:
        yield
    finally:
        upstream.set_verbosity(shown)


@contextmanager
def _name_damage(path: Path) -> Iterator[None]:
    """Say that a file cannot be read, whatever its readers make of that."""
    try:
        yield
    except TunelineError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # a cut file fails in many ways
        if is_full(error):
            raise
        said = " ".join(str(error).split()).rstrip(".")[:200]
        raise TunelineError(
            _refuse(path, f"it cannot be read ({said})", "fetch the file again, whole")
        ) from error


def _refuse(path: Path, wrong: str, remedy: str) -> Problem:
    return Problem(
        where="recipe.base_model",
        value=path,
        wrong=wrong,
        matters="its weights and its tokenizer are what is trained on",
        remedy=remedy,
    )


def _format_lacking(path: Path, needed: int) -> Problem:
    from huggingface_hub.constants import HF_HUB_CACHE

    volume = measure_volume(Path(HF_HUB_CACHE))
    return Problem(
        where="recipe.base_model",
        value=path,
        wrong=f"converted, it takes {format_bytes(needed)} in {volume.folder}, and its disk "
        f"({volume.mount}) has {format_bytes(volume.free)} free",
        matters="a part of it would be of no use",
        remedy="see what may go with `kedro storage --clean`, or let storage.hub_cache name a "
        "folder on a larger disk",
    )

"""GGUF files, as Ollama, LM Studio and llama.cpp keep models, as base models.

Such a file is converted once into a folder of the hub's cache, named after the file's hash: its
weights dequantized, with config, tokenizer and chat template, as `save_pretrained` writes them.
From then on it is a base model like any other. transformers reads the file (its documentation,
"GGUF"); the format is specified in ggml's docs/gguf.md.
"""

import functools
import importlib.util
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuneline.errors import Problem, TunelineError
from tuneline.utils.files import is_full
from tuneline.utils.hashing import hash_file

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

    with name_damage(path):
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


@contextmanager
def name_damage(path: Path) -> Iterator[None]:
    """Say that a file cannot be read, whatever its readers make of that."""
    try:
        yield
    except (TunelineError, MemoryError):
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

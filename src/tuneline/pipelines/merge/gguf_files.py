"""The merged model as GGUF files: llama.cpp's converter writes them, its library rounds them."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Gguf
from tuneline.pipelines.merge.llama_library import QUANTIZED, LlamaError
from tuneline.pipelines.merge.llama_process import run_llama
from tuneline.utils.disks import format_bytes, measure_volume
from tuneline.utils.files import FULL
from tuneline.utils.hashing import hash_file
from tuneline.utils.progress import Progress

log = logging.getLogger(__name__)

FOLDER = "llama.cpp"
CONVERTER = "convert_hf_to_gguf.py"
LIBRARY = re.compile(r"(lib)?llama(\.v?[\d.]+)?\.(so|dylib|dll)(\.\d+)*")
INSTALL = "`python -m scripts.llama_cpp.install` puts both into the folder llama.cpp"
# Bytes for each parameter. A block of q8_0 is 32 weights and a float16 scale; those of the others
# are an average over a model's tensors, which are kept in several types.
BYTES = {"f16": 2.0, "bf16": 2.0, "q8_0": 1 + 2 / 32, "q6_k": 0.85, "q5_k_m": 0.8, "q4_k_m": 0.75}
# Types that hold the numbers of a merged model as they are, by its number format.
EXACT = {"float16": "f16", "bfloat16": "bf16"}
# How the converter ends on a full disk; numpy, which writes for it, gives no number.
CUT = re.compile(rf"\[Errno ({'|'.join(map(str, FULL))})\][^/]*|\d+ requested and \d+ written")
# Of a failed converter's last words.
LAST_LINES = 3
# How the converter ends with a model or a tokenizer that it does not know.
UNKNOWN = re.compile(r"pre-tokenizer was not recognized|Model (?P<name>\S+) is not supported")


class UnknownModelError(TunelineError):
    """llama.cpp does not know the architecture or the tokenizer of a model."""


@dataclass(frozen=True)
class LlamaCpp:
    """Where llama.cpp is: its `convert_hf_to_gguf.py`, and libllama if it is there."""

    converter: Path
    library: Path | None


def find_llama_cpp(gguf: Gguf) -> LlamaCpp | None:
    """Find llama.cpp's converter and library; None if no folder is named and the project has none.

    Raises:
        TunelineError: if the folder that is named is not there, or holds no converter.
    """
    folder = Path(gguf.llama_cpp or FOLDER).expanduser()
    if not folder.is_dir():
        if gguf.llama_cpp is None:
            return None
        raise TunelineError(_refuse_folder(gguf, "there is no such folder"))
    converters = sorted(folder.rglob(CONVERTER), key=lambda path: len(path.parts))
    if not converters:
        raise TunelineError(_refuse_folder(gguf, f"it holds no {CONVERTER}"))
    found = [path for path in folder.rglob("*llama.*") if LIBRARY.fullmatch(path.name)]
    library = min(found, key=lambda path: (len(str(path)), path), default=None)
    return LlamaCpp(converters[0], library)


def _refuse_folder(gguf: Gguf, wrong: str) -> Problem:
    return Problem(
        where="merge.gguf.llama_cpp",
        value=gguf.llama_cpp or FOLDER,
        wrong=wrong,
        matters="llama.cpp's converter makes the GGUF files",
        remedy=f"name the folder that holds llama.cpp ({INSTALL}), or leave it out to merge "
        "without GGUF files",
    )


def name_file(kind: str) -> str:
    """Name the GGUF file of a type."""
    return f"model-{kind}.gguf"


def list_kinds(gguf: Gguf, llama_cpp: LlamaCpp | None) -> list[str]:
    """List the types that can be made: some need the library."""
    if llama_cpp is None:
        return []
    return [kind for kind in gguf.types if llama_cpp.library or kind not in QUANTIZED]


def predict_bytes(gguf: Gguf, llama_cpp: LlamaCpp | None, numbers: float) -> float:
    """Predict the bytes of the files of a model of so many parameters, at most at one time."""
    kinds = list_kinds(gguf, llama_cpp)
    rounds = any(kind in QUANTIZED for kind in kinds)
    passing = BYTES["f16"] if rounds and not {"f16", "bf16"} & set(kinds) else 0.0
    return numbers * (sum(BYTES[kind] for kind in kinds) + passing)


def make_files(merged: Path, folder: Path, gguf: Gguf, dtype: str) -> list[dict[str, Any]]:
    """Make the GGUF files of a merged model.

    The folder becomes theirs only when all are whole; `dtype` is the merged model's.

    Returns:
        Of each file, in the order of the types, its `file`, `type`, `bytes`, `sha256`, and how many
        tensors are in `larger` types than its own; empty where there is no converter.

    Raises:
        UnknownModelError: if llama.cpp does not know the model.
        TunelineError: if the converter or llama.cpp's library fails.
        OSError: if the disk is full.
    """
    llama_cpp = find_llama_cpp(gguf)
    kinds = list_kinds(gguf, llama_cpp)
    if llama_cpp is None or not kinds:
        return []
    larger = dict.fromkeys(kinds, 0)
    for kind in kinds:
        if kind not in QUANTIZED:
            run_converter(llama_cpp.converter, merged, folder / name_file(kind), kind)
    rounded = [kind for kind in kinds if kind in QUANTIZED]
    if rounded and llama_cpp.library:
        with _offer_source(llama_cpp, merged, folder, kinds, dtype) as source:
            larger |= _round(llama_cpp.library, source, folder, rounded)
    return [
        {
            "file": name_file(kind),
            "type": kind,
            "bytes": (folder / name_file(kind)).stat().st_size,
            "sha256": hash_file(folder / name_file(kind)),
            "larger": larger[kind],
        }
        for kind in kinds
    ]


@contextmanager
def _offer_source(
    llama_cpp: LlamaCpp, merged: Path, folder: Path, kinds: list[str], dtype: str
) -> Iterator[Path]:
    """Offer a file with 16-bit numbers to round: one that is kept, or one for this alone."""
    kept = next((kind for kind in kinds if kind in EXACT.values()), None)
    kind = kept or EXACT.get(dtype, "f16")
    source = folder / name_file(kind)
    if not kept:
        run_converter(llama_cpp.converter, merged, source, kind)
    yield source
    if not kept:
        source.unlink()


def _round(library: Path, source: Path, folder: Path, kinds: list[str]) -> dict[str, int]:
    larger = {}
    with run_llama(library) as llama:
        for kind in kinds:
            file = folder / name_file(kind)
            log.info("llama.cpp rounds %s to %s.", source.name, file.name)
            try:
                larger[kind] = llama.quantize(source, file, kind)
            except LlamaError as error:
                _raise_full(folder, source.stat().st_size * BYTES[kind] / BYTES["f16"], file)
                raise TunelineError(
                    _format_failure(library, f"it cannot round the model to {kind}: {error}")
                ) from error
    return larger


def _raise_full(folder: Path, predicted: float, file: Path) -> None:
    """Tell a full disk from another failure: llama.cpp does not say which it was."""
    left = predicted - (file.stat().st_size if file.is_file() else 0)
    if measure_volume(folder).free < left:
        raise OSError(FULL[0], os.strerror(FULL[0]))


def run_converter(converter: Path, merged: Path, outfile: Path, kind: str) -> None:
    """Run llama.cpp's converter with the Python that runs Tuneline; what it says goes to the log.

    Raises:
        TunelineError: if it fails, with its last lines, or makes no file.
        OSError: if the disk is full.
    """
    options = ["--outfile", str(outfile), "--outtype", kind]
    command = [sys.executable, str(converter.resolve()), str(merged), *options]
    log.info("llama.cpp's converter makes %s.", outfile.name)
    lines: list[str] = []
    # No shell; the words come from the catalog, from typed parameters and from the folder named.
    with (
        Progress(f"Converting to {kind}"),
        subprocess.Popen(  # noqa: S603
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            log.debug("%s", line.rstrip())
            lines = [*lines[1 - LAST_LINES :], line.strip()]
    if process.returncode and (full := CUT.search(" ".join(lines))):
        raise OSError(FULL[0], full[0])
    if process.returncode or not outfile.is_file():
        said = " / ".join(line for line in lines if line) or "no word at all"
        if unknown := _find_unknown(said):
            problem = _format_failure(converter, f"this version does not know {unknown}")
            raise UnknownModelError(problem)
        raise TunelineError(_format_failure(converter, f"it ends with: {said}"))


def _find_unknown(said: str) -> str | None:
    unknown = UNKNOWN.search(said)
    if unknown is None:
        return None
    return f"the architecture {unknown['name']}" if unknown["name"] else "this model's tokenizer"


def _format_failure(path: Path, wrong: str) -> Problem:
    return Problem(
        where="merge.gguf.llama_cpp",
        value=str(path),
        wrong=wrong,
        matters="there are no GGUF files; the merged model itself is whole",
        remedy="take a newer llama.cpp, or rename its folder to go on without; docs/merge.md says "
        "how to convert again without merging again",
    )


def format_result(files: list[dict[str, Any]], gguf: Gguf) -> str:
    """Say which GGUF files there are, and why others are not."""
    if not files:
        return f"No GGUF file was made: llama.cpp is not there; {INSTALL}."
    made = " and ".join(f"{one['file']} ({format_bytes(one['bytes'])})" for one in files)
    lacking = [kind for kind in gguf.types if kind not in {one["type"] for one in files}]
    without = (
        f" {' and '.join(lacking)} need llama.cpp's library as well; {INSTALL}." if lacking else ""
    )
    return f"llama.cpp made {made}.{without}"

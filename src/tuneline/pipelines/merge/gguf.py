"""llama.cpp's converter, which makes one file of the merged model."""

import logging
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Gguf
from tuneline.utils.files import FULL

log = logging.getLogger(__name__)


CONVERTER = "convert_hf_to_gguf.py"
# Types that hold the numbers of a merged model as they are.
FORMATS = {"f16": "float16", "bf16": "bfloat16"}
# Of a failed converter's last words.
LAST_LINES = 3


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

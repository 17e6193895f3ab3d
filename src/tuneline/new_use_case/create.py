"""A starting folder for a use case of one's own, from the header of a CSV file."""

import filecmp
import re
import shutil
from collections.abc import Container
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuneline.checks.merged_settings import COMMAND_LINE
from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.columns import Guess, guess_columns
from tuneline.parameters import SHARED_BLOCKS
from tuneline.utils.files import replace_by_name, replace_whole

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Kedro takes whatever lies in a folder of such a name for datasets, or for parameters.
KEDROS = ("catalog", "parameters", "credentials", "globals")
# In the order in which they are written: with the last one, the use case is there.
FILES = (
    "base/catalog.yml",
    "laptop/parameters.yml",
    "test/parameters.yml",
    "test/catalog.yml",
    "base/parameters.yml",
)


def create_use_case(name: str, raw: Path, project: Path, commands: Container[str]) -> list[Path]:
    """Write the folders of a new use case, and copy its raw data next to the others'.

    Args:
        name: of the use case, and of its folders.
        raw: a CSV file.
        project: the project's folder.
        commands: the names that `kedro run --pipeline` knows.

    Returns:
        The files that were written, seen from the project.

    Raises:
        TunelineError: if the name is taken or no name, the file cannot be used, or a file would be
            written over. Nothing is written then.
    """
    _check_name(name, project, commands)
    guess = guess_columns(raw)
    copy = Path("data/01_raw", name, raw.name)
    texts = _render(name, raw, guess)
    # What is there already word for word is of the same command, which was interrupted.
    other = [path for path, text in texts.items() if _is_other(project / path, text)]
    if (project / copy).exists() and not filecmp.cmp(raw, project / copy, shallow=False):
        other.append(copy)
    _check_free([project / path for path in other])
    if (project / copy).resolve() != raw.resolve():
        with replace_by_name(project / copy) as partial:
            shutil.copyfile(raw, partial)
    for path, text in texts.items():
        with replace_whole(project / path) as file:
            file.write(text)
    return [*texts, copy]


def _render(name: str, raw: Path, guess: Guess) -> dict[Path, bytes]:
    """Render the files of a starting folder, by their paths seen from the project."""
    loader = PackageLoader("tuneline.new_use_case", "starting_folder")
    pages = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    pages.filters |= {"quoted": _quote, "room": _make_room}
    known = {"name": name, "file": raw.name, "guess": guess, "bytes": guess.longest}
    return {
        Path("conf", file).parent / name / Path(file).name: pages.get_template(
            f"{file.replace('/', '_')}.jinja"
        )
        .render(known)
        .encode()
        for file in FILES
    }


def _is_other(path: Path, text: bytes) -> bool:
    return path.exists() and not (path.is_file() and path.read_bytes() == text)


def _make_room(tokens: int) -> int:
    """Round up to a multiple of 256, with more than 128 tokens to spare for the chat template."""
    return (tokens + 384) // 256 * 256


def _quote(text: str) -> str:
    """Write a text so that YAML reads just this text."""
    return "'" + text.replace("'", "''") + "'"


def _check_name(name: str, project: Path, commands: Container[str]) -> None:
    machines = {path.name for path in project.glob("conf/*")}
    if not NAME.fullmatch(name):
        wrong = "a use case's name is made of small letters, digits and `_`"
    elif name.startswith(KEDROS):
        wrong = f"Kedro takes folders whose names begin with {', '.join(KEDROS)} for its own"
    elif name in commands or name in {*SHARED_BLOCKS, *COMMAND_LINE, *machines}:
        wrong = "the name is taken"
    else:
        return
    other = f"my_{name}" if NAME.fullmatch(name) else "tea_shop"
    raise TunelineError(
        Problem(
            where="NAME",
            value=name,
            wrong=wrong,
            matters="folders, datasets and commands go by it; nothing was written",
            remedy=f"choose another one, such as `{other}`",
        )
    )


def _check_free(taken: list[Path]) -> None:
    if taken:
        raise TunelineError(
            Problem(
                where=str(taken[0]),
                wrong="there is such a file already",
                matters="it would be written over; nothing was written",
                remedy="choose another name for the use case, or move the file away",
            )
        )

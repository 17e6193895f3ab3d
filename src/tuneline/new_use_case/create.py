"""Writing a use case of one's own: its folders, and a copy of its raw data."""

import filecmp
import re
import shutil
from collections.abc import Container
from pathlib import Path

from tuneline.checks.parameters import COMMAND_LINE
from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.draft import Draft
from tuneline.new_use_case.files import render_files
from tuneline.parameters import SHARED_BLOCKS
from tuneline.utils.files import replace_by_name, replace_whole

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Kedro takes whatever lies in a folder of such a name for datasets, or for parameters.
KEDROS = ("catalog", "parameters", "credentials", "globals")


def check_name(name: str, project: Path, commands: Container[str]) -> None:
    """Refuse a name that is taken, or none.

    Raises:
        TunelineError: with another name that could be taken.
    """
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


def write_use_case(draft: Draft, project: Path) -> list[Path]:
    """Write the folders of a use case, and copy its raw data next to the others'.

    Gives the files that were written, seen from the project.

    Raises:
        TunelineError: if a file would be written over. Nothing is written then.
    """
    folder, source = Path("data/01_raw", draft.name), draft.source
    copies = {folder / raw.name: raw for raw in source.files}
    texts = render_files(draft)
    # What is there already word for word is of the same command, which was interrupted.
    other = [path for path, text in texts.items() if _is_other(project / path, text)]
    other += [
        copy
        for copy, raw in copies.items()
        if (project / copy).exists() and not filecmp.cmp(raw, project / copy, shallow=False)
    ]
    _check_free([project / path for path in other])
    for copy, raw in copies.items():
        if (project / copy).resolve() != raw.resolve():
            with replace_by_name(project / copy) as partial:
                shutil.copyfile(raw, partial)
    for path, text in texts.items():
        with replace_whole(project / path) as file:
            file.write(text)
    return [*texts, *copies]


def _is_other(path: Path, text: bytes) -> bool:
    return path.exists() and not (path.is_file() and path.read_bytes() == text)


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

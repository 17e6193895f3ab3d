"""The names of columns: whether a first line has them, and which of them a prompt can use."""

import re
from pathlib import Path
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.new_use_case.sources import has_odd_name
from tuneline.parameters.data import WRITTEN
from tuneline.utils.terminal import show

# Signs that mean something in a template, or in the name of a field, and so cannot be in a name.
NO_PLACEHOLDER = set('{}[].:!"\\')
# A cell of the first line that is one of these is a value and no name.
SENTENCE = re.compile("(?:\\S+\\s+){6,}\\S+|.{80,}|.*[.?!\\u3002\\uff1f\\uff01]", re.DOTALL)
NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*\s*%?")
HAS_LETTER = re.compile(r"[^\W\d_]")


def check_header(path: Path, header: list[str], rows: list[dict[str, str]] | None) -> None:
    """Refuse a table that has no header, one column, no text, or odd names.

    `rows` are some of them; None where every row names its columns itself.

    Raises:
        TunelineError: naming what is wrong.
    """
    for name in header:
        if name != show(name, line_break=""):
            raise TunelineError(has_odd_name(str(path), name))
    columns = [name for name in dict.fromkeys(header) if name]
    if len(columns) < 2:
        twice = columns and header.count(columns[0]) > 1 and find_unfit(path, columns[0], header)
        raise TunelineError(twice or has_no_pair(path, columns))
    if rows is None:
        return
    if _is_row(header, rows):
        raise TunelineError(_no_header(path, header))
    if rows and not any(HAS_LETTER.search(cell) for row in rows for cell in row.values()):
        raise TunelineError(_no_text(path))


def _is_row(header: list[str], rows: list[dict[str, str]]) -> bool:
    """Tell whether what should name the columns is a row like those below it."""
    cells = [cell for cell in header if cell]
    values = [cell for cell in cells if SENTENCE.fullmatch(cell) or NUMBER.fullmatch(cell)]
    repeated = [
        name
        for name in cells
        if header.count(name) == 1 and any(row.get(name) == name for row in rows)
    ]
    return len(values) == len(cells) or len(values) + len(repeated) > len(cells) / 2


def find_unfit(path: Path, name: str, header: list[str]) -> Problem | None:
    """Tell why a prompt could not use a column; None if it can."""
    if header.count(name) > 1:
        return _unfit(path, name, "two columns have this name")
    if name in WRITTEN:
        return _unfit(path, name, "Tuneline writes a column of that name itself")
    if name.isdecimal():
        return _unfit(path, name, "the column's name is a number, which templates take for a place")
    if not is_placeholder(name):
        return _unfit(
            path,
            name,
            "the column's name holds one of the signs { } [ ] . : ! \" \\, which templates need",
        )
    return None


def is_placeholder(name: str) -> bool:
    """Tell whether a template can name a column."""
    return name not in WRITTEN and not name.isdecimal() and not set(name) & NO_PLACEHOLDER


def has_no_pair(path: Path, columns: list[Any]) -> Problem:
    """Word that a file has too few columns."""
    only = f"only the column `{columns[0]}`" if columns else "no column with a name and with text"
    return Problem(
        where=str(path),
        wrong=f"it has {only}",
        matters="an example needs a question and an answer, so at least two columns of text; "
        "nothing was written",
        remedy="put what is asked and what is answered into columns of their own, their names into "
        "the first line; in JSON into two fields that hold text",
    )


def _no_header(path: Path, header: list[str]) -> Problem:
    return Problem(
        where=str(path),
        value=" | ".join(header),
        wrong="the first line is a row like those below it and names no columns",
        matters="a row would be lost, and the columns could not be told apart; nothing was written",
        remedy="write the names of the columns into a line above it, such as question and answer",
    )


def _no_text(path: Path) -> Problem:
    return Problem(
        where=str(path),
        wrong="no cell holds a letter",
        matters="there is no text to learn from; nothing was written",
        remedy="give a file with a column of what is asked and one of what is answered",
    )


def _unfit(path: Path, name: str, wrong: str) -> Problem:
    return Problem(
        where=str(path),
        value=name,
        wrong=wrong,
        matters="the prompt could not name the column; nothing was written",
        remedy="rename the column in the file",
    )

"""What makes a file or a column unfit for a use case."""

import codecs
import re
from pathlib import Path

from tuneline.datasets.opening import RawFile
from tuneline.errors import Problem, TunelineError
from tuneline.parameters.data import WRITTEN
from tuneline.utils.terminal import show
from tuneline.utils.text import guess_encoding

ENDINGS = {".csv", ".tsv", ".txt"}
# Signs that mean something in a template, or in the name of a field, and so cannot be in a name.
NO_PLACEHOLDER = set('{}[].:!"\\')
LINE_END = re.compile(rb"\r\n|\r|\n")


def check_file(raw: Path) -> None:
    """Refuse what is no CSV file in UTF-8.

    Args:
        raw: the file.

    Raises:
        TunelineError: saying what it is instead.
    """
    if not raw.is_file():
        raise TunelineError(_no_file(raw))
    if not ENDINGS & {suffix.lower() for suffix in raw.suffixes}:
        raise TunelineError(_no_csv(raw))
    file = RawFile(str(raw))
    start = next(file.read(), b"")  # some megabytes; a letter may be cut in two
    file.check_kind(start)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        raise TunelineError(_empty(raw))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError as error:
        raise TunelineError(_no_utf8(raw, start, error.start)) from None


def check_names(raw: Path, header: list[str]) -> None:
    """Refuse names that no YAML file could hold and no terminal could show.

    Args:
        raw: the file.
        header: the names of its columns.

    Raises:
        TunelineError: naming the first.
    """
    for where, name in (("RAW", raw.name), *((str(raw), column) for column in header)):
        if name != show(name, line_break=""):
            raise TunelineError(_no_name(where, name))


def find_unfit(raw: Path, name: str, header: list[str]) -> Problem | None:
    """Tell why a prompt could not use a column; None if it can.

    Args:
        raw: the file.
        name: of the column.
        header: the names of all columns.
    """
    if header.count(name) > 1:
        return _unfit(raw, name, "two columns have this name")
    if name in WRITTEN:
        return _unfit(raw, name, "Tuneline writes a column of that name itself")
    if name.isdecimal():
        return _unfit(raw, name, "the column's name is a number, which templates take for a place")
    if not is_placeholder(name):
        return _unfit(
            raw,
            name,
            "the column's name holds one of the signs { } [ ] . : ! \" \\, which templates need",
        )
    return None


def is_placeholder(name: str) -> bool:
    """Tell whether a template can name a column."""
    return name not in WRITTEN and not name.isdecimal() and not set(name) & NO_PLACEHOLDER


def has_no_pair(raw: Path, header: list[str]) -> Problem:
    """Word that a file has too few columns."""
    return Problem(
        where=str(raw),
        wrong=f"the header names {', '.join(f'`{name}`' for name in header)}",
        matters="an example needs a question and an answer, so at least two columns of text; "
        "nothing was written",
        remedy="put the names of the columns into the first line",
    )


def has_no_row(raw: Path, header: list[str]) -> Problem:
    """Word that no row is like the header."""
    return Problem(
        where=str(raw),
        wrong=f"no row below the header has {len(header)} cells, as the header has",
        matters="there is nothing to learn from; nothing was written",
        remedy="add rows, and put a text that holds the sign between the cells into double quotes",
    )


def _unfit(raw: Path, name: str, wrong: str) -> Problem:
    return Problem(
        where=str(raw),
        value=name,
        wrong=wrong,
        matters="the prompt could not name the column; nothing was written",
        remedy="rename the column in the first line of the file",
    )


def _no_file(raw: Path) -> Problem:
    folder = raw.is_dir()
    return Problem(
        where="RAW",
        value=raw,
        wrong="it is a folder" if folder else "there is no such file",
        matters="the columns are read from the header of a file; nothing was written",
        remedy="give the path of one of its CSV files, and name the folder in the catalog then"
        if folder
        else "give the path of a CSV file",
    )


def _no_name(where: str, name: str) -> Problem:
    return Problem(
        where=where,
        value=name,
        wrong="the name holds control characters, or bytes that are no letters here",
        matters="the parameters could not state it; nothing was written",
        remedy="rename the column in the first line of the file, or the file; in a terminal that "
        "is not set to UTF-8, `export LC_ALL=C.UTF-8` before the command",
    )


def _no_csv(raw: Path) -> Problem:
    return Problem(
        where="RAW",
        value=raw,
        wrong="its name does not end as that of a CSV file does: .csv, .tsv or .txt",
        matters="the columns are read from the first line of one; nothing was written",
        remedy="save the table as CSV in UTF-8, or begin with a few rows of it and name your own "
        "file in the catalog afterwards (docs/prepare.md)",
    )


def _empty(raw: Path) -> Problem:
    return Problem(
        where=str(raw),
        wrong="the file is empty",
        matters="there is nothing to learn from; nothing was written",
        remedy="put the raw rows there",
    )


def _no_utf8(raw: Path, start: bytes, place: int) -> Problem:
    line = len(LINE_END.findall(start, 0, place)) + 1
    return Problem(
        where=f"{raw}, line {line}",
        wrong=f"the file is not UTF-8 but probably {guess_encoding(start)}",
        matters="its letters could not be read; nothing was written",
        remedy="save it as UTF-8: in Excel as `CSV UTF-8`, elsewhere by the encoding it asks for",
    )

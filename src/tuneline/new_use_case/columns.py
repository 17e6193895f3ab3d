"""What the columns of a CSV file seem to be, and what makes a file unfit for a use case."""

import codecs
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_csv import read_header, read_rows
from tuneline.encodings import guess_encoding
from tuneline.errors import Problem, TunelineError
from tuneline.parameters.data import WRITTEN
from tuneline.rows import LINE

ENDINGS = {".csv", ".tsv", ".txt"}
IDS = {"id", "uid", "uuid", "key", "no", "number"}
ROWS = 100_000  # enough for a guess
# A column with this many different texts at most, and several rows of each, is a category.
CATEGORIES, ROWS_PER_CATEGORY = 20, 5
# Signs that mean something in a template, or in the name of a field, and so cannot be in a name.
NO_PLACEHOLDER = set('{}[].:!"\\')


@dataclass(frozen=True)
class Guess:
    """What the columns of a file seem to be.

    Attributes:
        id: column that identifies a row; `line` if there is none.
        question: column of what is asked.
        answer: column of what is to be answered, the longest texts.
        category: column with few different texts, or None.
        others: columns that are left over.
        longest: bytes of the longest question and answer together.
    """

    id: str
    question: str
    answer: str
    category: str | None
    others: list[str]
    longest: int


def guess_columns(raw: Path) -> Guess:
    """Guess from names and lengths what the columns of a file are.

    Args:
        raw: a CSV file.

    Returns:
        The guess, which the user corrects in the YAML.

    Raises:
        TunelineError: if it is no CSV file in UTF-8, has fewer than two columns of text or no row,
            or one of the guessed columns has a name that no prompt could use.
    """
    _check_file(raw)
    header = read_header(str(raw))
    identifier = next((name for name in header if name.casefold() in IDS), LINE)
    columns = list(dict.fromkeys(name for name in header if name and name != identifier))
    if len(columns) < 2:
        raise TunelineError(_no_pair(raw, header))
    found = list(islice(read_rows(str(raw)), ROWS))
    rows = pl.DataFrame(found, schema=dict.fromkeys(columns, pl.String))
    if rows.is_empty():
        raise TunelineError(_no_row(raw, header))
    # Of columns alike, the last is the answer.
    question, answer = sorted(columns, key=lambda name: _measure(rows[name]))[-2:]
    others = [name for name in columns if name not in (answer, question)]
    category = next((name for name in others if _is_category(name, rows[name])), None)
    problems = [problem for name in (question, answer) if (problem := _judge(raw, name, header))]
    if problems:
        raise TunelineError(*problems)
    longest = (rows[question].str.len_bytes() + rows[answer].str.len_bytes()).max()
    left = [name for name in others if name != category]
    return Guess(identifier, question, answer, category, left, int(longest))  # type: ignore[arg-type]


def _measure(texts: pl.Series) -> float:
    return texts.str.len_bytes().mean()  # type: ignore[return-value]


def _is_category(name: str, texts: pl.Series) -> bool:
    different = texts.n_unique()
    usable = name not in WRITTEN and not set(name) & NO_PLACEHOLDER
    return usable and 1 < different <= min(CATEGORIES, len(texts) / ROWS_PER_CATEGORY)


def _check_file(raw: Path) -> None:
    if not raw.is_file():
        raise TunelineError(_no_file(raw))
    if not ENDINGS & {suffix.lower() for suffix in raw.suffixes}:
        raise TunelineError(_no_csv(raw))
    start = next(RawFile(str(raw)).read(), b"")  # some megabytes; a letter may be cut in two
    if not start.strip():
        raise TunelineError(_empty(raw))
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError as error:
        raise TunelineError(_no_utf8(raw, start, error.start)) from None


def _judge(raw: Path, name: str, header: list[str]) -> Problem | None:
    """Tell why a prompt could not use a column."""
    if header.count(name) > 1:
        return _unfit(raw, name, "two columns have this name")
    if name in WRITTEN:
        return _unfit(raw, name, "Tuneline writes a column of that name itself")
    if set(name) & NO_PLACEHOLDER:
        return _unfit(
            raw,
            name,
            "the column's name holds one of the signs { } [ ] . : ! \" \\, which templates need",
        )
    return None


def _unfit(raw: Path, name: str, wrong: str) -> Problem:
    return Problem(
        where=str(raw),
        value=name,
        wrong=wrong,
        matters="the prompt could not name the column; nothing was written",
        remedy="rename the column in the first line of the file",
    )


def _no_file(raw: Path) -> Problem:
    return Problem(
        where="RAW",
        value=raw,
        wrong="there is no such file",
        matters="the columns are read from its header; nothing was written",
        remedy="give the path of a CSV file",
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
    line = start.count(b"\n", 0, place) + 1
    return Problem(
        where=f"{raw}, line {line}",
        wrong=f"the file is not UTF-8 but probably {guess_encoding(start)}",
        matters="its letters could not be read; nothing was written",
        remedy="save it as UTF-8: in Excel as `CSV UTF-8`, elsewhere by the encoding it asks for",
    )


def _no_pair(raw: Path, header: list[str]) -> Problem:
    return Problem(
        where=str(raw),
        wrong=f"the header names {', '.join(f'`{name}`' for name in header)}",
        matters="an example needs a question and an answer, so at least two columns of text; "
        "nothing was written",
        remedy="put the names of the columns into the first line",
    )


def _no_row(raw: Path, header: list[str]) -> Problem:
    return Problem(
        where=str(raw),
        wrong=f"no row below the header has {len(header)} cells, as the header has",
        matters="there is nothing to learn from; nothing was written",
        remedy="add rows, and put a text that holds the sign between the cells into double quotes",
    )

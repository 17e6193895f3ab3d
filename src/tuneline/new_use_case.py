"""A starting folder for a use case of one's own, filled from the header of a CSV file."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from tuneline.datasets.raw_csv import RawCSVDataset, read_header
from tuneline.errors import Problem, TunelineError
from tuneline.rows import LINE, Fields
from tuneline.use_cases import list_use_cases

NAME = re.compile(r"[a-z][a-z0-9_]*")
# Names that Kedro or the YAML already uses for something else.
RESERVED = {"all", "base", "laptop", "test", "local", "hardware", "tiny_base", "prices", "overview"}
RESERVED |= {"synthesise", "prepare", "plan", "train", "evaluate", "publish", "ask"}
IDS = {"id", "uid", "uuid", "key", "no", "number"}
# A column with this many different texts at most, and several rows of each, is a category.
CATEGORIES, ROWS_PER_CATEGORY = 20, 5
# Signs that mean something in a template, and so can stand in no placeholder.
NO_PLACEHOLDER = set("{}[].:!\n")
FILES = (
    "base/parameters.yml",
    "base/catalog.yml",
    "laptop/parameters.yml",
    "test/parameters.yml",
    "test/catalog.yml",
)


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


def create_use_case(name: str, raw: Path, project: Path) -> list[Path]:
    """Write the folders of a new use case, and copy its raw data beside the others'.

    Args:
        name: of the use case, and of its folders.
        raw: a CSV file.
        project: the project's folder.

    Returns:
        The files that were written, seen from the project.

    Raises:
        TunelineError: if the name is taken or no name, or the file cannot be read. Nothing is
            written then.
    """
    _check_name(name)
    guess = guess_columns(raw)
    copy = project / "data/01_raw" / name / raw.name
    if copy.resolve() != raw.resolve():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(raw, copy)
    loader = PackageLoader("tuneline", "starting_folder")
    pages = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    pages.filters["quoted"] = _quote
    known = {"name": name, "file": raw.name, "guess": guess, "bytes": guess.longest}
    written = []
    for file in FILES:
        env, _, page = file.partition("/")
        path = Path("conf", env, name, page)
        text = pages.get_template(f"{env}_{page}.jinja").render(known)
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
        written.append(path)
    return [*written, copy.relative_to(project)]


def guess_columns(raw: Path) -> Guess:
    """Guess from names and lengths what the columns of a file are.

    Args:
        raw: a CSV file.

    Returns:
        The guess, which the user corrects in the YAML.

    Raises:
        TunelineError: if there is no such file, or it has fewer than two columns of text.
    """
    if not raw.is_file():
        raise TunelineError(_no_file(raw))
    header = read_header(str(raw))
    identifier = next((name for name in header if name.casefold() in IDS), LINE)
    columns = [name for name in header if name and name != identifier]
    if len(columns) < 2:
        raise TunelineError(_no_pair(raw, header))
    odd = [name for name in columns if set(name) & NO_PLACEHOLDER]
    if odd:
        raise TunelineError(*(_odd_name(raw, name) for name in odd))
    rows = _read(raw, columns)
    lengths = {name: rows[name].str.len_bytes().mean() or 0.0 for name in columns}
    answer, question = sorted(columns, key=lambda name: -lengths[name])[:2]  # type: ignore[operator]
    others = [name for name in columns if name not in (answer, question)]
    category = next((name for name in others if _is_category(rows[name])), None)
    longest = (rows[question].str.len_bytes() + rows[answer].str.len_bytes()).max() or 0
    left = [name for name in others if name != category]
    return Guess(identifier, question, answer, category, left, int(longest))  # type: ignore[arg-type]


def _read(raw: Path, columns: list[str]) -> pl.DataFrame:
    rows = RawCSVDataset(filepath=str(raw)).load()
    batches = rows.map(Fields(LINE, tuple(columns)), lambda batch: batch.select(columns))
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.concat([empty, *batches]).drop_nulls()


def _is_category(texts: pl.Series) -> bool:
    different = texts.n_unique()
    return 1 < different <= min(CATEGORIES, len(texts) / ROWS_PER_CATEGORY)


def _quote(text: str) -> str:
    """Write a text so that YAML reads just this text."""
    return "'" + text.replace("'", "''") + "'"


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        wrong = "a use case's name is made of small letters, digits and `_`"
    elif name in RESERVED or name in list_use_cases():
        wrong = "the name is taken"
    else:
        return
    raise TunelineError(
        Problem(
            where="NAME",
            value=name,
            wrong=wrong,
            matters="folders, datasets and commands go by it; nothing was written",
            remedy="choose another one, such as `tea_shop`",
        )
    )


def _no_file(raw: Path) -> Problem:
    return Problem(
        where="RAW",
        value=raw,
        wrong="there is no such file",
        matters="the columns are read from its header; nothing was written",
        remedy="give the path of a CSV file",
    )


def _odd_name(raw: Path, name: str) -> Problem:
    return Problem(
        where=str(raw),
        value=name,
        wrong="the column's name holds one of the signs { } [ ] . : !, which templates need",
        matters="the prompt could not name the column; nothing was written",
        remedy="rename the column in the first line of the file",
    )


def _no_pair(raw: Path, header: list[str]) -> Problem:
    return Problem(
        where=str(raw),
        wrong=f"the header names {', '.join(f'`{name}`' for name in header)}",
        matters="an example needs a question and an answer, so at least two columns of text; "
        "nothing was written",
        remedy="put the names of the columns into the first line",
    )

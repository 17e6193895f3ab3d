"""What is at a path: in which format, how it is read, and some of its rows."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from tuneline.datasets import raw_csv, raw_documents, raw_json, raw_parquet
from tuneline.datasets.source_files import find_ending
from tuneline.errors import Problem, TunelineError
from tuneline.parameters.examples import Documents
from tuneline.utils.terminal import show

SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
# Kinds by the endings of their files. A `.txt` in a folder is a document, alone it may be CSV.
KINDS = {
    "documents": raw_documents.ENDINGS,
    "CSV": raw_csv.ENDINGS,
    "JSON": raw_json.ENDINGS,
    "Parquet": raw_parquet.ENDINGS,
    "workbooks": SHEETS,
}
# Kinds of which a folder may hold several files.
IN_FOLDERS = ("documents", "CSV", "JSON", "Parquet")


@dataclass(frozen=True)
class Source:
    """What is at a path and how it is read.

    Attributes:
        kind: one of `KINDS`.
        dataset: the class that reads it, for the catalog.
        found: what was found, in words that follow the path and a colon.
        rows: some of its rows, every column as text; empty where a row has none.
        options: of the dataset, besides the path.
        header: the names of all columns, those that are there twice too; of rows that name their
            columns themselves, each once.
        numbers: columns that hold other values than text, which no prompt can use.
        roles: the columns of what is asked and of what is answered, where the format says so.
        system: the one system message of all rows; None where there is none, or several.
        documents: what pairs are made of, of a folder of documents.
        conversations: the column with conversations of several turns.
        is_asked: whether questions and answers are written about documents first.
        notes: sentences on what is not used.
    """

    path: Path
    kind: str
    dataset: str
    found: str
    rows: pl.DataFrame
    options: dict[str, Any] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    roles: tuple[str, str] | None = None
    system: str | None = None
    documents: Documents | None = None
    conversations: str | None = None
    is_asked: bool = False
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The files that are copied."""
        return list_files(self.path) if self.path.is_dir() else [self.path]


def find_source(path: Path, sheet: str | None = None, is_asked: bool = False) -> Source:
    """Find out what is at a path.

    `is_asked`: questions and answers are to be written about a folder of documents.

    Raises:
        TunelineError: if nothing is there, it is of no kind or of several, or holds no rows.
    """
    from tuneline.new_use_case.formats import FINDERS

    if path.name != show(path.name, line_break=""):
        raise TunelineError(has_odd_name("PATH", path.name))
    kind = _find_kind(path)
    if sheet and kind != "workbooks":
        raise TunelineError(_no_workbook(path, sheet))
    if is_asked and kind != "documents":
        raise TunelineError(_no_documents(path))
    find: Callable[..., Source] = FINDERS[kind]
    stated: dict[str, Any] = {"workbooks": sheet, "documents": is_asked}
    source = find(path, stated[kind]) if kind in stated else find(path)
    if source.rows.is_empty():
        raise TunelineError(has_no_row(path))
    return source


def list_files(folder: Path) -> list[Path]:
    """List what people have put into a folder, in the order of names."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(raw_documents.NO_DOCUMENTS)
        and path.name.lower() not in raw_documents.SYSTEM_FILES
    )


def join_columns(rows: Iterator[dict[str, str]], columns: list[str]) -> pl.DataFrame:
    """Make a table of rows, with an empty text where a row lacks a column."""
    whole = [{name: row.get(name, "") for name in columns} for row in rows]
    return pl.DataFrame(whole, schema=dict.fromkeys(columns, pl.String))


def _find_kind(path: Path) -> str:
    if not path.exists():
        raise TunelineError(_no_file(path))
    if path.is_dir():
        return _find_kind_of_folder(path)
    ending = find_ending(path.name)
    if ending == ".txt":
        return "CSV"
    kind = next((kind for kind, endings in KINDS.items() if ending in endings), None)
    if kind is None:
        raise TunelineError(_no_kind(path))
    if kind == "documents":
        raise TunelineError(_one_document(path))
    return kind


def _find_kind_of_folder(path: Path) -> str:
    endings = Counter(find_ending(one.name) for one in list_files(path))
    kinds = {
        kind: {one: times for one, times in endings.items() if one in KINDS[kind]} for kind in KINDS
    }
    if kinds["documents"]:
        kinds["CSV"].pop(".txt", None)
    present = [kind for kind, found in kinds.items() if found]
    if len(present) == 1 and present[0] in IN_FOLDERS:
        return present[0]
    if not present:
        raise TunelineError(_no_files(path))
    listed = [f"{times} {one}" for kind in present for one, times in kinds[kind].items()]
    raise TunelineError(_mixed(path, listed, present))


def has_odd_name(where: str, name: str) -> Problem:
    """Word that a name is one that no YAML file could hold and no terminal could show."""
    return Problem(
        where=where,
        value=name,
        wrong="the name holds control characters, or bytes that are no letters here",
        matters="the parameters could not state it; nothing was written",
        remedy="rename the column in the first line of the file, or the file; in a terminal that "
        "is not set to UTF-8, `export LC_ALL=C.UTF-8` before the command",
    )


def has_no_row(path: Path, fault: str = "") -> Problem:
    """Word that there is no row, and what is wrong with the first that should be one."""
    return Problem(
        where=str(path),
        wrong=f"it holds no row that can be read{f' ({fault})' if fault else ''}",
        matters="there is nothing to learn from; nothing was written",
        remedy="add rows, each with as many cells as the header has; in JSON an object for each "
        "row, one a line or all in one list",
    )


def _no_file(path: Path) -> Problem:
    return Problem(
        where="PATH",
        value=path,
        wrong="there is no such file or folder",
        matters="there is nothing to learn from; nothing was written",
        remedy="give the path of a file, or of a folder of documents",
    )


def _no_kind(path: Path) -> Problem:
    return Problem(
        where="PATH",
        value=path,
        wrong="its name does not end as that of a format that can be read",
        matters="nothing says how to read it; nothing was written",
        remedy="save it as CSV, XLSX, ODS, JSON, JSON lines or Parquet, or give a folder of DOCX, "
        "PDF, TXT or MD documents",
    )


def _one_document(path: Path) -> Problem:
    return Problem(
        where="PATH",
        value=path,
        wrong="it is a single document",
        matters="documents are read from a folder; nothing was written",
        remedy="put it into a folder of its own, with others like it, and give that folder",
    )


def _no_files(path: Path) -> Problem:
    return Problem(
        where="PATH",
        value=path,
        wrong="the folder holds no file that can be read",
        matters="there is nothing to learn from; nothing was written",
        remedy="put documents (DOCX, PDF, TXT, MD), CSV, JSON or Parquet files directly into it",
    )


def _mixed(path: Path, listed: list[str], present: list[str]) -> Problem:
    several = len(present) > 1
    return Problem(
        where="PATH",
        value=path,
        wrong=f"the folder holds {', '.join(listed)}"
        + (", which are read in different ways" if several else ""),
        matters="a use case reads files of one kind; nothing was written",
        remedy=f"put {' and '.join(present)} into folders of their own, and give one of them"
        if several
        else "give one of its workbooks",
    )


def _no_documents(path: Path) -> Problem:
    return Problem(
        where="--write-questions",
        wrong=f"{path.name} is no folder of documents",
        matters="questions are written about texts; nothing was written",
        remedy="leave the option out",
    )


def _no_workbook(path: Path, sheet: str) -> Problem:
    return Problem(
        where="--sheet",
        value=sheet,
        wrong=f"{path.name} is no workbook",
        matters="only workbooks have sheets; nothing was written",
        remedy="leave the option out",
    )

"""Each format by itself: what is found in a file, and some of its rows."""

import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tuneline.datasets.csv_records import CSVRecords
from tuneline.datasets.json_shapes import CONVERSATIONS, unfold
from tuneline.datasets.office.sheets import Sheet
from tuneline.datasets.opening import RawFile, not_encoded
from tuneline.datasets.raw_base import name_columns
from tuneline.datasets.raw_csv import ENDINGS as CSV_ENDINGS
from tuneline.datasets.raw_decoding import Unreadable
from tuneline.datasets.raw_json import ENDINGS as JSON_ENDINGS
from tuneline.datasets.raw_json import read_objects
from tuneline.datasets.raw_parquet import ENDINGS as PARQUET_ENDINGS
from tuneline.datasets.raw_parquet import read_parquet
from tuneline.datasets.raw_sheet import HEADER_ROWS, read_sheets
from tuneline.datasets.source_files import list_source_files
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.examples import ROLES
from tuneline.new_use_case.documents import find_documents
from tuneline.new_use_case.headers import check_header
from tuneline.new_use_case.sources import Source, has_no_row, join_columns
from tuneline.new_use_case.turns import find_conversations, find_turns_column
from tuneline.utils.limits import Limits
from tuneline.utils.text import guess_encoding

ROWS, CHARACTERS = 100_000, 100_000_000  # enough for a guess
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "`|`"}
# Of the cells that the fullest row has, the share that makes a row a header.
HEADER_SHARE = 0.6
ALPACA = ("instruction", "input", "output")
SYSTEM, *PAIR = ROLES


def find_csv(path: Path) -> Source:
    """Find encoding, separator and header of CSV files."""
    file = _open_first(path, CSV_ENDINGS)
    start = next(file.read(), b"")  # some megabytes; a letter may be cut in two
    file.check_kind(start)
    encoding = _find_encoding(file, start)
    records = CSVRecords(RawFile(file.path, encoding))
    found = list(_take((row, number) for number, _, row in records))
    rows = [row for row, _ in found if not isinstance(row, Unreadable)]
    check_header(path, records.header, rows)
    if found and not rows:
        (first, number), *_ = found
        raise TunelineError(has_no_row(path, f"line {number}: {first.reason}"))
    options = {} if encoding == "utf-8" else {"encoding": encoding}
    said = (
        f"CSV, {SEPARATORS.get(records.separator, records.separator)} between the cells, encoding "
        f"{encoding}, header in line {records.header_line}"
    )
    if rows and (column := find_turns_column(rows)):
        return find_conversations(path, ("CSV", "RawCSVDataset", said), rows, column, options)
    columns = [name for name in dict.fromkeys(records.header) if name]
    table, header = join_columns(iter(rows), columns), tuple(records.header)
    return Source(path, "CSV", "RawCSVDataset", said, table, options, header)


def find_sheet(path: Path, name: str | None) -> Source:
    """Find the sheet of a workbook that is a table, and the row that names its columns."""
    sheets = list(read_sheets(str(path), Limits()))
    names = [one for one, _, _ in sheets]
    if name and name not in names:
        raise TunelineError(_no_sheet(path, name, names))
    chosen = [(one, sheet) for one, _, sheet in sheets if one == name]
    chosen = chosen or [(one, sheet) for one, visible, sheet in sheets if visible and not name]
    tables = [(one, sheet) for one, sheet in chosen if any(map(any, sheet.rows))]
    if not tables:
        raise TunelineError(_empty_sheet(path, [one for one, _ in chosen]))
    wide = [(one, sheet) for one, sheet in tables if len(sheet.rows[0]) > 1]
    title, sheet = (wide or tables)[0]
    place = _find_header_row(sheet)
    header = name_columns(sheet.rows[place])
    below = [row for row in sheet.rows[place + 1 :] if any(row)]
    rows = [dict(zip(header, row, strict=True)) for row in below]
    check_header(path, header, rows)
    others = [f"`{one}`" for one in names if one != title]
    notes = (f"not read: the sheets {', '.join(others)} (--sheet names another)",) if others else ()
    return Source(
        path,
        "workbooks",
        "RawSheetDataset",
        f"workbook, sheet `{title}`, header in row {place + 1}",
        join_columns(_take(rows), [one for one in dict.fromkeys(header) if one]),
        {"sheet": title, "header_row": place + 1},
        tuple(header),
        notes=notes,
    )


def find_json(path: Path) -> Source:
    """Find rows, conversations or instructions in JSON files."""
    file = _open_first(path, JSON_ENDINGS)
    encoding = _find_encoding(file, next(file.read(), b""))
    objects = list(_take(read_objects(RawFile(file.path, encoding))))
    options = {} if encoding == "utf-8" else {"encoding": encoding}
    said = "JSON" if encoding == "utf-8" else f"JSON, encoding {encoding}"
    return _find_objects(path, "JSON", "RawJSONDataset", said, objects, options)


def find_parquet(path: Path) -> Source:
    """Find rows, conversations or instructions in Parquet files."""
    batches = read_parquet(_open_first(path, PARQUET_ENDINGS))
    objects = list(_take(chain.from_iterable(batches)))
    return _find_objects(path, "Parquet", "RawParquetDataset", "Parquet", objects, {})


def _open_first(path: Path, endings: tuple[str, ...]) -> RawFile:
    return RawFile(next(iter(list_source_files(str(path), endings).values())))


def _find_encoding(file: RawFile, start: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        encoding = guess_encoding(start)
        if encoding is None:
            raise TunelineError(not_encoded(file.path, "UTF-8", None)) from None
        return encoding
    return guess_encoding(start) or "utf-8" if b"\0" in start[:4] else "utf-8"


def _take(rows: Iterable[Any]) -> Iterator[Any]:
    left = CHARACTERS
    for row in islice(rows, ROWS):
        left -= len(str(row))
        yield row
        if left < 0:
            return


def _find_header_row(sheet: Sheet) -> int:
    """Find the first row that has about as many cells as the fullest."""
    filled = [len(set(row) - {""}) for row in sheet.rows[:HEADER_ROWS]]
    wanted = max(2, HEADER_SHARE * max(filled))
    return next((place for place, cells in enumerate(filled) if cells >= wanted), 0)


def _find_objects(
    path: Path, kind: str, dataset: str, said: str, objects: list[Any], options: dict[str, Any]
) -> Source:
    rows = [one for one in objects if isinstance(one, dict)]
    if not rows:
        raise TunelineError(has_no_row(path))
    if column := find_turns_column(rows):
        return find_conversations(path, (kind, dataset, said), rows, column, options)
    name = next((one for one in CONVERSATIONS if isinstance(rows[0].get(one), list)), None)
    is_alpaca = set(ALPACA) <= rows[0].keys() and any(row.get("input") for row in rows)
    if name or is_alpaca:
        unfolded = [one for one in map(unfold, rows) if isinstance(one, dict)]
        told = "OpenAI messages" if name == "messages" else "ShareGPT" if name else "alpaca"
        return _find_conversations(
            path, kind, dataset, f"{said}, {told}", (rows, unfolded), options
        )
    columns = list(dict.fromkeys(key for row in rows for key in row))
    texts = [{key: str(row[key]) for key in row if _is_plain(row[key])} for row in rows]
    plain = [key for key in columns if any(key in row for row in texts)]
    only_text = [key for key in plain if any(isinstance(row.get(key), str) for row in rows)]
    check_header(path, only_text, None)
    numbers = tuple(key for key in plain if key not in only_text)
    table, told = join_columns(iter(texts), plain), f"{said}, an object for each row"
    return Source(path, kind, dataset, told, table, options, tuple(plain), numbers)


def _find_conversations(
    path: Path,
    kind: str,
    dataset: str,
    said: str,
    rows: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    options: dict[str, Any],
) -> Source:
    """Find the system messages of conversations, or of instructions."""
    raw, unfolded = rows
    systems = Counter(str(row.get(SYSTEM) or "") for row in unfolded)
    named = [system for system in systems if system]
    everywhere = bool(named) and not systems[""]
    texts = (
        {key: str(row[key]) for key in row if key not in ALPACA and _is_plain(row[key])}
        for row in unfolded
    )
    known = [key for key in (*raw[0], *ROLES) if key not in (*ALPACA, *CONVERSATIONS, *ROLES)]
    shown = [*dict.fromkeys(known), *([SYSTEM] if everywhere else []), *PAIR]
    notes = []
    if named and not everywhere:
        count = sum(systems[one] for one in named)
        notes.append(f"not used: the system messages that {count:,} of {len(unfolded):,} rows have")
    table = join_columns(texts, shown)
    filled = [one for one in shown if one in PAIR or (table[one] != "").any()]
    return Source(
        path,
        kind,
        dataset,
        said,
        table.select(filled),
        options,
        tuple(filled),
        roles=(PAIR[0], PAIR[1]),
        system=named[0] if everywhere and len(named) == 1 else None,
        notes=tuple(notes),
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _no_sheet(path: Path, name: str, names: list[str]) -> Problem:
    return Problem(
        where="--sheet",
        value=name,
        wrong=f"{path.name} has no sheet of this name",
        matters="there is nothing to read; nothing was written",
        remedy=suggest(name, names),
    )


def _empty_sheet(path: Path, names: list[str]) -> Problem:
    return Problem(
        where=str(path),
        wrong=f"the sheet {' and '.join(f'`{one}`' for one in names)} is empty",
        matters="there is nothing to learn from; nothing was written",
        remedy="put the rows there, or name another sheet: --sheet",
    )


FINDERS: dict[str, Callable[..., Source]] = {
    "CSV": find_csv,
    "workbooks": find_sheet,
    "JSON": find_json,
    "Parquet": find_parquet,
    "documents": find_documents,
}

"""Raw rows as a sheet of a workbook."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import polars as pl

from tuneline.datasets.office.package import is_encrypted
from tuneline.datasets.office.sheets import Sheet, Workbook, spread_merged
from tuneline.datasets.office.workbooks import list_notes, list_passed_over
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import RawDataset, check_fields, check_repeated, name_columns
from tuneline.datasets.raw_decoding import RowDecoder, Unreadable, number_lines
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.streaming import Fields, RowSource, Work, map_ahead
from tuneline.utils.limits import Limits, MemoryBudget, TooLargeError

log = logging.getLogger(__name__)

# A header further down is no header any more.
HEADER_ROWS = 50


class RawSheetDataset(RawDataset):
    """Reads the rows of one sheet of a workbook (XLSX, XLSM, XLSB, XLS, ODS).

    Every cell is text, as the sheet shows it, and an empty cell an empty text. `line` is the row's
    number in the sheet. Titles above the header are no rows. A hidden row is a rejected one. XLSB
    and XLS are read as they are stored: 0.15 and not 15 %. `sheet` is the first visible one if it
    is not given, `header_row` (from 1) the first that names all columns. `locale`, the author's
    country such as `cs_CZ`, decides the decimal sign, the order of dates and the names of months
    where a number's format does not; without it they are English, dates are year-month-day, and a
    warning says which columns this concerns.
    """

    def __init__(
        self,
        *,
        filepath: str,
        sheet: str | None = None,
        header_row: int | None = None,
        locale: str | None = None,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._sheet, self._header_row, self._locale = sheet, header_row, locale

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        from tuneline.datasets.office.date_formats import find_locale

        locale = find_locale(self._locale or "")
        if self._locale and locale is None:
            raise TunelineError(self._no_locale(self._locale))
        return _SheetRows(self._filepath, self._sheet, self._header_row, locale, self.limits)

    def _no_locale(self, name: str) -> Problem:
        return Problem(
            where=f"locale of {self._filepath}",
            value=name,
            wrong="no country is known by this name",
            matters="decimal signs and dates could not be written its way",
            remedy="name language and country, such as cs_CZ, de_DE or en_US",
        )


class _SheetRows(RowSource):
    """Rows of one sheet. See `RowSource`."""

    def __init__(
        self, path: str, sheet: str | None, header_row: int | None, locale: Any, limits: Limits
    ) -> None:
        self.path, self._limits = path, limits
        self._path, self._sheet, self._header_row = path, sheet, header_row
        self._locale = locale
        self.notes: list[str] = []

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, self._read(fields))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        sheet, merged = self._open()
        place = self._find_header(sheet, fields)
        header = _name_shown(sheet, place)
        check_repeated(self._path, fields, header)
        wanted = {at: name for at, name in enumerate(header) if name and name in fields.names}
        self._note(*list_notes(sheet, place, wanted, merged))
        numbers = range(place + 1, len(sheet.rows))
        rows = [_read_row(sheet, number, header, wanted) for number in numbers]
        originals = [orjson.dumps(sheet.rows[number]) for number in numbers]
        decoder = RowDecoder(fields)
        lines = number_lines(place + 2, len(rows))  # a sheet counts from 1
        yield decoder.tabulate(decoder.decode_objects(rows), originals, lines)

    def _open(self) -> tuple[Sheet, int]:
        """Read the sheet, and count the cells that got the text of merged ones."""
        with _name_damage(self._path):
            book = open_book(self._path, self._locale, self._limits)
            sheet = book.read(self._choose(book))
            return sheet, spread_merged(sheet)

    def _choose(self, book: Workbook) -> str:
        shown = [name for name, visible in book.sheets.items() if visible]
        if self._sheet:
            if self._sheet not in book.sheets:
                raise TunelineError(self._no_sheet(self._sheet, list(book.sheets)))
            return self._sheet
        name = (shown or list(book.sheets))[0]
        self._note(*list_passed_over(book, name))
        return name

    def _note(self, *notes: str) -> None:
        for note in notes:
            log.warning("%s: %s", self._path, note)
        self.notes += [f"{self._path}: {note}" for note in notes]

    def _find_header(self, sheet: Sheet, fields: Fields) -> int:
        rows = sheet.rows
        if self._header_row:
            place = self._header_row - 1
            found = set(name_columns(rows[place])) if place < len(rows) else set()
            check_fields(self._path, fields, found - {""}, f"row {self._header_row}")
            return place
        wanted, head = set(fields.required), list(map(name_columns, rows[:HEADER_ROWS]))
        # The row with most of the names is the header; of those alike one that is shown, the
        # fullest.
        merits = [
            (len(wanted & set(row)), number not in sheet.hidden_rows, len(set(row) - {""}))
            for number, row in enumerate(head)
        ]
        place = merits.index(max(merits)) if merits else 0
        found = set(head[place]) - {""} if head else set()
        check_fields(self._path, fields, found, f"the first {len(head)} rows")
        return place

    def _no_sheet(self, name: str, names: list[str]) -> Problem:
        return Problem(
            where=self._path,
            wrong=f"the workbook has no sheet `{name}`",
            matters="there is nothing to read",
            remedy=f"{suggest(name, names)}, as `sheet` in the catalog",
        )


def read_sheets(path: str, limits: Limits) -> Iterator[tuple[str, bool, Sheet]]:
    """Read the sheets of a workbook one after the other: name, whether it is shown, and rows.

    Raises:
        TunelineError: if it is no workbook that can be read.
    """
    with _name_damage(path):
        book = open_book(path, None, limits)
        for name, visible in book.sheets.items():
            sheet = book.read(name)
            spread_merged(sheet)
            yield name, visible, sheet


def open_book(path: str, locale: Any, limits: Limits) -> Workbook:
    """Open a workbook.

    Raises:
        TunelineError: if it is protected, or no workbook.
        Exception: whatever the layers under a damaged file raise.
    """
    from tuneline.datasets.office.workbooks import open_workbook

    budget, chunks = MemoryBudget(limits), list[bytes]()
    for chunk in RawFile(path, limits=limits).read():
        budget.charge(len(chunk))
        chunks.append(chunk)
    content = b"".join(chunks)
    if is_encrypted(content):
        raise TunelineError(_protected(path))
    return open_workbook(content, locale, limits)


@contextmanager
def _name_damage(path: str) -> Iterator[None]:
    try:
        yield
    except TunelineError:
        raise
    except TooLargeError as error:
        raise TunelineError(_too_large(path, error)) from error
    except Exception as error:  # whatever the layers under a damaged file raise, it is damaged
        raise TunelineError(_no_workbook(path, error)) from error


def _too_large(path: str, error: TooLargeError) -> Problem:
    return Problem(
        where=path,
        wrong=f"the workbook is {error}",
        matters="it is read as a whole, and would fill the memory",
        remedy="delete empty columns and rows with a stray cell, save the table as CSV, which "
        "is read piece by piece, or raise the limit",
    )


def _protected(path: str) -> Problem:
    return Problem(
        where=path,
        wrong="the workbook is protected by a password",
        matters="no row can be read",
        remedy="save it without a password",
    )


def _no_workbook(path: str, error: Exception) -> Problem:
    return Problem(
        where=path,
        wrong=f"it is no workbook that can be read ({error})",
        matters="no row can be read",
        remedy="save it again as XLSX",
    )


def _name_shown(sheet: Sheet, place: int) -> list[str]:
    """Name the columns; a hidden one loses its name to a visible one that has the same."""
    header = name_columns(sheet.rows[place])
    shown = {name for at, name in enumerate(header) if at not in sheet.hidden_columns}
    return [
        "" if at in sheet.hidden_columns and name in shown else name
        for at, name in enumerate(header)
    ]


def _read_row(
    sheet: Sheet, number: int, header: list[str], wanted: dict[int, str]
) -> dict[str, str] | Unreadable:
    row = sheet.rows[number]
    if not any(row):
        return Unreadable("empty row")
    if number in sheet.hidden_rows:
        return Unreadable(f"hidden row: by {'a filter' if sheet.hidden_rows[number] else 'hand'}")
    for at, name in wanted.items():
        if problem := sheet.problems.get((number, at)):
            kind, _, what = problem.partition(": ")
            return Unreadable(f"{kind}: {what} in `{name}`" if what else f"{kind}: `{name}`")
    return dict(zip(header, row, strict=True))

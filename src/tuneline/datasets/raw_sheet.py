"""Raw rows as a sheet of a workbook."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import orjson
import polars as pl
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from tuneline.datasets.decoding import RowDecoder, Unreadable, number_lines
from tuneline.datasets.office import is_encrypted
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw import RawDataset, check_fields, check_repeated, name_columns
from tuneline.errors import Problem, TunelineError, suggest
from tuneline.rows import Fields, RowSource, Work
from tuneline.streams import map_ahead

# A header further down is no header any more.
HEADER_ROWS = 50


class RawSheetDataset(RawDataset):
    """Reads the rows of one sheet of a workbook (XLSX, XLSM, XLSB, XLS, ODS).

    Every cell is text, as it would be shown: 7 and not 7.0, and an empty cell an empty text. `line`
    is the row's number in the sheet. Titles above the header are no rows.

    Args:
        filepath: the workbook, at any address that fsspec knows.
        sheet: its name; the first sheet if it is not given.
        header_row: number of the row that names the columns, from 1; found if it is not given: the
            first that names them all.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        sheet: str | None = None,
        header_row: int | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._sheet, self._header_row = sheet, header_row

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _SheetRows(self._filepath, self._sheet, self._header_row)


class _SheetRows(RowSource):
    """Rows of one sheet. See `RowSource`."""

    def __init__(self, path: str, sheet: str | None, header_row: int | None) -> None:
        self.path = path
        self._path, self._sheet, self._header_row = path, sheet, header_row

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, self._read(fields))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        sheet = self._open()
        rows = [[_show(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
        place = self._find_header(rows, fields)
        header, body = name_columns(rows[place]), rows[place + 1 :]
        check_repeated(self._path, fields, header)
        while body and not any(body[-1]):
            body.pop()  # formatted, never filled
        decoder, empty = RowDecoder(fields), Unreadable("empty row")
        named = [dict(zip(header, row, strict=True)) if any(row) else empty for row in body]
        originals = [orjson.dumps(row) for row in body]
        numbers = number_lines(place + 2, len(body))  # a sheet counts from 1
        yield decoder.tabulate(decoder.decode_objects(named), originals, numbers)

    def _open(self) -> CalamineSheet:
        content = b"".join(RawFile(self._path).read())
        try:
            book = CalamineWorkbook.from_filelike(BytesIO(content))
            name = self._sheet or book.sheet_names[0]
            if name not in book.sheet_names:
                raise TunelineError(self._no_sheet(name, book.sheet_names))
            return book.get_sheet_by_name(name)
        except (CalamineError, IndexError, ValueError, OSError) as error:
            raise TunelineError(self._no_workbook(content, error)) from error

    def _find_header(self, rows: list[list[str]], fields: Fields) -> int:
        if self._header_row:
            place = self._header_row - 1
            found = set(name_columns(rows[place])) if place < len(rows) else set()
            check_fields(self._path, fields, found - {""}, f"row {self._header_row}")
            return place
        wanted, head = set(fields.required), list(map(name_columns, rows[:HEADER_ROWS]))
        # The row with most of the names is the header, and of those alike the fullest.
        merits = [(len(wanted & set(row)), len(set(row) - {""})) for row in head]
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

    def _no_workbook(self, content: bytes, error: Exception) -> Problem:
        protected = is_encrypted(content)
        return Problem(
            where=self._path,
            wrong="the workbook is protected by a password"
            if protected
            else f"it is no workbook that can be read ({error})",
            matters="no row can be read",
            remedy="save it without a password" if protected else "save it again as XLSX",
        )


def _show(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() if isinstance(cell, str) else str(cell)

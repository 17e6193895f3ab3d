"""XLSX and XLSM workbooks, each cell in its own number format (ECMA-376 part 1, 18)."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation

from babel import Locale
from lxml.etree import _Element
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
from openpyxl.utils.datetime import to_excel

from tuneline.datasets.office.date_formats import SHORT_DATE, NotRenderedError
from tuneline.datasets.office.number_formats import GENERAL, NumberFormat, read_format
from tuneline.datasets.office.package import Package, get, name_of
from tuneline.datasets.office.sheets import (
    LAST_COLUMN,
    LAST_ROW,
    NO_COUNTRY,
    NO_FORMAT,
    Sheet,
    SheetBuilder,
)

FORMATS = {
    **BUILTIN_FORMATS,
    14: SHORT_DATE,
    22: f"{SHORT_DATE} h:mm",
    # That of openpyxl lacks its semicolons.
    44: '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)',
}
# The first day of the Macintosh's old calendar.
DAYS_TO_1904 = 1462
LAST_DIGIT = 400
ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
TAGS = ("sheetPr", "col", "row", "filterColumn", "autoFilter", "mergeCell")


class XLSXWorkbook:
    """A workbook; `locale` counts where a format names none. See `Workbook`."""

    def __init__(self, package: Package, locale: Locale | None) -> None:
        self._package, self._locale = package, locale
        main = package.find_main()
        book = package.parse(main)
        if book is None:
            raise LookupError("it holds no workbook")
        relations = package.list_relations(main)
        self._parts: dict[str, str] = {}
        self.sheets: dict[str, bool] = {}
        for sheet in book.iterfind("{*}sheets/{*}sheet"):
            relation = relations.get(get(sheet, "id") or "")
            if relation and relation.kind == "worksheet":
                name = str(sheet.get("name"))
                self._parts[name] = relation.target
                self.sheets[name] = sheet.get("state", "visible") == "visible"
        self._from_1904 = _is_on(book.find("{*}workbookPr"), "date1904")
        # Then nobody has computed anything yet: a 0 may stand for a value that is not there.
        self._not_computed = _is_on(book.find("{*}calcPr"), "fullCalcOnLoad")
        self._texts = _read_texts(package.find_related(main, "sharedStrings"))
        self._formats = _read_formats(package.find_related(main, "styles"))

    def read(self, name: str) -> Sheet:
        """Read one sheet."""
        builder, filters, row = SheetBuilder(self._package.budget), _Filters(), -1
        for element in self._package.iterate(self._parts[name], *TAGS):
            if name_of(element) == "row":
                row = int(element.get("r", row + 2)) - 1
                if row >= LAST_ROW:
                    raise IndexError(f"row {row + 1:,}")
                self._read_row(element, row, builder)
            else:
                _read_layout(element, builder.sheet)
                filters.add(element)
        hidden = builder.sheet.hidden_rows
        hidden |= {number: filters.hide(number) for number in hidden}
        return builder.finish()

    def _read_row(self, element: _Element, row: int, builder: SheetBuilder) -> None:
        if _is_on(element, "hidden") or element.get("ht") == "0":
            builder.sheet.hidden_rows[row] = False
        column = -1
        for cell in element:
            if name_of(cell) == "c":
                place = cell.get("r")
                column = coordinate_to_tuple(place)[1] - 1 if place else column + 1
                builder.add(row, column, *self._show(cell))

    def _show(self, cell: _Element) -> tuple[str, str, str]:
        """Give a cell's text, why it cannot be read, and why its author may see another."""
        kind, value = cell.get("t", "n"), cell.findtext("{*}v") or ""
        if kind == "e":
            return value, f"formula error: {value}", ""
        formula = cell.find("{*}f")
        if kind != "str" and formula is not None and self._is_missing(value):
            return f"={formula.text or ''}", "formula without a stored value", ""
        number_format = self._formats.get(int(cell.get("s", 0)), GENERAL)
        if kind in ("s", "inlineStr", "str"):
            return self._show_text(cell, kind, value, number_format)
        if kind == "b":
            return "TRUE" if value in ("1", "true") else "FALSE", "", ""
        return self._show_number(kind, value, number_format)

    def _show_text(
        self, cell: _Element, kind: str, value: str, number_format: NumberFormat | str
    ) -> tuple[str, str, str]:
        inline = cell.find("{*}is")
        if kind == "s" and value:
            text = self._texts[int(value)]
        else:
            text = _join_runs(inline) if inline is not None else unescape(value)
        if isinstance(number_format, str):
            return text, "", f"{NO_FORMAT}: {number_format}"
        return number_format.show_text(text), "", ""

    def _show_number(
        self, kind: str, value: str, number_format: NumberFormat | str
    ) -> tuple[str, str, str]:
        number = _read_number(kind, value)
        if number is None:
            return value, "", ""
        try:
            if isinstance(number_format, str):
                raise NotRenderedError(number_format)
            if number_format.is_date and self._from_1904 and kind != "d":
                number += DAYS_TO_1904
            text = number_format.show(number, self._locale)
            in_doubt = self._locale is None and number_format.differs(number, text)
        except NotRenderedError:
            code = number_format if isinstance(number_format, str) else number_format.code
            return GENERAL.show(number, self._locale), "", f"{NO_FORMAT}: {code}"
        return text, "", NO_COUNTRY if in_doubt else ""

    def _is_missing(self, value: str) -> bool:
        return not value or (self._not_computed and value == "0")


class _Filters:
    """The filters of a sheet: which of its rows they hide."""

    def __init__(self) -> None:
        self._active = self._asks = False
        self._ranges: list[tuple[int, int]] = []

    def add(self, element: _Element) -> None:
        """Look at an element of the sheet, in their order."""
        kind = name_of(element)
        if kind == "sheetPr":
            self._active = _is_on(element, "filterMode")
        elif kind == "filterColumn":
            self._asks = True
        elif kind == "autoFilter" and self._asks:
            top, _, bottom, _ = _read_range(element)
            self._ranges.append((top, bottom))

    def hide(self, row: int) -> bool:
        """Tell whether a hidden row is hidden by a filter."""
        # The filter of a table has its place in another part.
        within = any(first < row <= last for first, last in self._ranges)
        return within or (self._active and not self._ranges)


def _read_layout(element: _Element, sheet: Sheet) -> None:
    kind = name_of(element)
    if kind == "col" and (_is_on(element, "hidden") or element.get("width") == "0"):
        first, last = int(element.get("min", 1)), int(element.get("max", 1))
        sheet.hidden_columns |= set(range(first - 1, min(last, LAST_COLUMN)))
    elif kind == "mergeCell":
        sheet.merged.append(_read_range(element))


def _read_range(element: _Element) -> tuple[int, int, int, int]:
    """Read the first row and column, and the last ones, of a range; whole columns are one, too."""
    left, top, right, bottom = range_boundaries(str(element.get("ref")))
    whole = (top or 1, left or 1, bottom or LAST_ROW, right or LAST_COLUMN)
    first_row, first_column, last_row, last_column = (number - 1 for number in whole)
    return first_row, first_column, last_row, last_column


def unescape(text: str) -> str:
    """Turn `_x000D_` into the character that it stands for (ECMA-376 part 1, 22.9.2.19)."""
    if "_x" not in text:
        return text
    found = ESCAPE.sub(lambda code: chr(int(code[1], 16)), text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_texts(root: _Element | None) -> list[str]:
    return [] if root is None else [_join_runs(one) for one in root.iterfind("{*}si")]


def _join_runs(text: _Element) -> str:
    """Join the runs of a text, without the reading aids above Japanese ones."""
    return unescape("".join(_find_runs(text)))


def _find_runs(text: _Element) -> Iterator[str]:
    for child in text:
        if name_of(child) == "t":
            yield child.text or ""
        elif name_of(child) == "r":
            yield child.findtext("{*}t") or ""


def _read_formats(root: _Element | None) -> dict[int, NumberFormat | str]:
    """Read the number format of each style; of one that is not known, its code."""
    if root is None:
        return {}
    codes: dict[int, str] = dict(FORMATS)
    for one in root.iterfind("{*}numFmts/{*}numFmt"):
        codes[int(one.get("numFmtId", 0))] = one.get("formatCode", "General")
    styles = enumerate(root.iterfind("{*}cellXfs/{*}xf"))
    return {number: _read_code(int(one.get("numFmtId", 0)), codes) for number, one in styles}


def _read_code(number: int, codes: dict[int, str]) -> NumberFormat | str:
    code = codes.get(number)
    if code is None:
        return f"number {number}"
    try:
        return read_format(code or "General")
    except NotRenderedError:
        return code


def _read_number(kind: str, value: str) -> Decimal | None:
    """Read a stored number or date; None if it is neither."""
    try:
        if kind == "d":
            moment = datetime.fromisoformat(value).replace(tzinfo=None)
            return Decimal(repr(to_excel(moment)))
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        return None
    # A number with a million digits is none that a sheet can hold.
    return number if number.is_finite() and abs(number.adjusted()) < LAST_DIGIT else None


def _is_on(element: _Element | None, name: str) -> bool:
    return element is not None and element.get(name) in ("1", "true", "on")

"""ODS workbooks, whose cells hold the text that is shown (OpenDocument 1.3 part 3, 9 and 19)."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from lxml.etree import _Element

from tuneline.datasets.office.number_formats import GENERAL
from tuneline.datasets.office.package import Package, get, name_of
from tuneline.datasets.office.sheets import AS_STORED, LAST_COLUMN, Sheet, SheetBuilder

CALC_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
VALUE_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
GROUPS = {
    "table-header-rows",
    "table-rows",
    "table-row-group",
    "table-header-columns",
    "table-columns",
    "table-column-group",
}
SPACES = {"tab": "\t", "line-break": "\n"}


@dataclass
class _Cursor:
    """Where the next row and column of a sheet are."""

    row: int = 0
    column: int = 0


class ODSWorkbook:
    """A workbook; `locale` counts where a cell holds a number and no text. See `Workbook`."""

    def __init__(self, package: Package, locale: Locale | None) -> None:
        self._budget = package.budget
        root = package.parse("content.xml")
        if root is None:
            raise LookupError("it holds no workbook")
        self._locale = locale
        hidden = {
            get(style, "name")
            for style in root.iter("{*}style")
            if any(get(one, "display") == "false" for one in style.iter("{*}table-properties"))
        }
        self._tables = {
            str(get(table, "name")): table
            for table in root.iterfind("{*}body/{*}spreadsheet/{*}table")
        }
        self.sheets = {
            name: get(table, "style-name") not in hidden for name, table in self._tables.items()
        }

    def read(self, name: str) -> Sheet:
        """Read one sheet."""
        builder, cursor = SheetBuilder(self._budget), _Cursor()
        for element in _flatten(self._tables[name]):
            count = int(get(element, f"number-{name_of(element)[6:]}s-repeated") or 1)
            if name_of(element) == "table-column":
                if get(element, "visibility") in ("collapse", "filter"):
                    shown = range(cursor.column, min(cursor.column + count, LAST_COLUMN))
                    builder.sheet.hidden_columns |= set(shown)
                cursor.column += count
            else:
                self._read_row(element, cursor.row, count, builder)
                cursor.row += count
        return builder.finish()

    def _read_row(self, element: _Element, row: int, count: int, builder: SheetBuilder) -> None:
        visibility = get(element, "visibility")
        cells = list(self._read_cells(element, row, builder))
        for number in range(row, row + count if cells else row):
            if visibility in ("collapse", "filter"):
                builder.sheet.hidden_rows[number] = visibility == "filter"
            for column, cell in cells:
                builder.add(number, column, *cell)

    def _read_cells(
        self, element: _Element, row: int, builder: SheetBuilder
    ) -> Iterator[tuple[int, tuple[str, str, str]]]:
        column = 0
        for cell in element:
            kind = name_of(cell)
            if kind not in ("table-cell", "covered-table-cell"):
                continue
            count = int(get(cell, "number-columns-repeated") or 1)
            shown = self._show(cell) if kind == "table-cell" else ("", "", "")
            if any(shown):
                last = min(column + count, LAST_COLUMN + 1)  # which is one too many
                yield from ((number, shown) for number in range(column, last))
            down, right = (
                int(get(cell, f"number-{one}s-spanned") or 1) for one in ("row", "column")
            )
            if down > 1 or right > 1:
                builder.sheet.merged.append((row, column, row + down - 1, column + right - 1))
            column += count

    def _show(self, cell: _Element) -> tuple[str, str, str]:
        """Give a cell's text, why it cannot be read, and why its author may see another."""
        paragraphs = cell.findall("{*}p")
        text = "\n".join("".join(self._read_text(one)) for one in paragraphs)
        formula, kind = get(cell, "formula"), cell.get(VALUE_TYPE)
        wrong = text.startswith(("#", "Err:")) and kind != "string"
        if formula and (cell.get(CALC_TYPE) == "error" or wrong):
            return text, f"formula error: {text}", ""
        if paragraphs or (kind is None and not formula):
            return text, "", ""
        if kind is None:
            return formula or "", "formula without a stored value", ""
        return self._show_value(cell, kind)

    def _show_value(self, cell: _Element, kind: str) -> tuple[str, str, str]:
        """Show what a cell stores, if it holds no text."""
        if kind in ("float", "percentage", "currency"):
            text = GENERAL.show(Decimal(get(cell, "value") or 0), self._locale)
            return text, "", AS_STORED
        stored = get(cell, f"{kind}-value") or ""
        return (stored.upper() if kind == "boolean" else stored), "", AS_STORED

    def _read_text(self, element: _Element) -> Iterator[str]:
        """Read a paragraph, without reading aids, notes and comments."""
        yield element.text or ""
        for child in element:
            name = name_of(child)
            if name == "s":
                spaces = int(get(child, "c") or 1)
                self._budget.charge(spaces, "the spaces of a cell")
                yield " " * spaces
            elif name in SPACES:
                yield SPACES[name]
            elif name not in ("ruby-text", "note", "annotation"):
                yield from self._read_text(child)
            yield child.tail or ""


def _flatten(table: _Element) -> Iterator[_Element]:
    """Hand out columns and rows, also those in groups."""
    for child in table:
        name = name_of(child)
        if name in GROUPS:
            yield from _flatten(child)
        elif name in ("table-column", "table-row"):
            yield child

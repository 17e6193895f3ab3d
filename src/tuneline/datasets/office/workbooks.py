"""Opening a workbook, whatever its format; the binary ones are read without their formats."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import is_zipfile

import orjson
from babel import Locale

from tuneline.datasets.office import binary_reader
from tuneline.datasets.office.ods import ODSWorkbook
from tuneline.datasets.office.package import Package
from tuneline.datasets.office.sheets import AS_STORED, NO_COUNTRY, Sheet, SheetBuilder, Workbook
from tuneline.reporting.pages import count
from tuneline.utils.limits import Limits, MemoryBudget, TooLargeError


def open_workbook(content: bytes, locale: Locale | None, limits: Limits) -> Workbook:
    """Open a workbook: XLSX, XLSM, ODS as they are shown, XLS and XLSB as they are stored.

    `locale` counts where the file names none.

    Raises:
        Exception: whatever the layers under a damaged file raise.
    """
    if not is_zipfile(BytesIO(content)):
        return _BinaryWorkbook(content, limits, MemoryBudget(limits))
    package = Package(content, limits)
    if "content.xml" in package.names:
        return ODSWorkbook(package, locale)
    if package.find_main().endswith(".bin"):
        package.unpack()
        return _BinaryWorkbook(content, limits, package.budget)
    from tuneline.datasets.office.xlsx import XLSXWorkbook  # openpyxl takes a sixth of a second

    return XLSXWorkbook(package, locale)


class _BinaryWorkbook:
    """A workbook in one of the formats that no library reads with its number formats."""

    def __init__(self, content: bytes, limits: Limits, budget: MemoryBudget) -> None:
        self._content, self._limits, self._budget = content, limits, budget
        self.sheets = self._ask()

    def read(self, name: str) -> Sheet:
        builder, found = SheetBuilder(self._budget), self._ask(name)
        builder.sheet.as_stored = True
        for row, column, text, formatted in found["cells"]:
            builder.add(row, column, text, "", AS_STORED if formatted else "")
        for (top, left), (bottom, right) in found["merged"]:
            builder.sheet.merged.append((top, left, bottom, right))
        return builder.finish()

    def _ask(self, *sheet: str) -> dict[str, Any]:
        """List the sheets, or read one. See `binary_reader`."""
        script = [sys.executable, "-P", binary_reader.__file__]
        command = [*script, str(self._limits.document_bytes), *sheet]
        done = subprocess.run(  # noqa: S603 - our own script
            command, input=self._content, capture_output=True, check=False
        )
        if done.returncode == binary_reader.DAMAGED:
            raise ValueError(done.stderr.decode("utf-8", "replace"))
        if done.returncode:
            raise TooLargeError(self._limits.format_memory())
        self._budget.charge(len(done.stdout))
        return dict(orjson.loads(done.stdout))


def list_passed_over(book: Workbook, name: str) -> list[str]:
    """Say which sheets are not read, where nobody named one."""
    others = [
        f"`{one}`" if visible else f"`{one}` (hidden)"
        for one, visible in book.sheets.items()
        if one != name
    ]
    if not others:
        return []
    return [
        f"only the sheet `{name}` is read, and not {', '.join(others)}; name another as `sheet` in "
        "the catalog"
    ]


def list_notes(sheet: Sheet, place: int, wanted: dict[int, str], merged: int) -> list[str]:
    """Say what of a sheet is hidden, and which columns may not be as shown."""
    notes = [*_list_hidden(sheet, place, wanted)]
    if sheet.as_stored:
        notes.append(
            "in this format, neither number formats nor formula errors nor what is hidden can be "
            "read; save the workbook as XLSX"
        )
    if merged:
        notes.append(f"the text of merged cells is read in {count(merged, 'row')} more")
    for at, name in wanted.items():
        notes += _list_doubts(sheet, place, at, name)
    return notes


def _list_hidden(sheet: Sheet, place: int, wanted: dict[int, str]) -> Iterator[str]:
    hidden = [row for row in sheet.hidden_rows if place < row < len(sheet.rows)]
    filled = [row for row in hidden if any(sheet.rows[row])]
    if filled:
        filtered = sum(sheet.hidden_rows[row] for row in filled)
        by_filter = f" ({filtered:,} by a filter)" if filtered else ""
        yield (
            f"{count(len(filled), 'hidden row')}{by_filter} rejected; show them in the sheet to "
            "use them"
        )
    for at, name in wanted.items():
        if at in sheet.hidden_columns:
            yield f"the column `{name}` is hidden, and read because the parameters name it"


def _list_doubts(sheet: Sheet, place: int, at: int, name: str) -> Iterator[str]:
    found = {
        row: doubt for (row, column), doubt in sheet.doubts.items() if column == at and row > place
    }
    for doubt, times in Counter(found.values()).items():
        row = next(row for row, one in found.items() if one == doubt)
        text = sheet.rows[row][at]
        told = f"column `{name}`: {count(times, 'cell')} (first `{text}` in row {row + 1})"
        if doubt == NO_COUNTRY:
            yield (
                f"{told} would be written otherwise in another country, and the file does not name "
                "its author's; set `locale`, such as cs_CZ, in the catalog"
            )
        elif doubt == AS_STORED:
            yield f"{told} are as stored, without their format; save the workbook as XLSX"
        else:
            yield (
                f"{told} are as stored, because their format is not known "
                f"({doubt.partition(': ')[2]}); choose another format in the sheet"
            )

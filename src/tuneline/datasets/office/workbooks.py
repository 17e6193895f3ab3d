"""Opening a workbook, whatever its format; the binary ones are read without their formats."""

import datetime
from io import BytesIO
from typing import Any
from zipfile import is_zipfile

from babel import Locale
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from tuneline.datasets.office.ods import ODSWorkbook
from tuneline.datasets.office.package import Package
from tuneline.datasets.office.sheets import AS_STORED, Sheet, SheetBuilder, Workbook
from tuneline.datasets.office.xlsx import XLSXWorkbook
from tuneline.limits import Limits, Meter


def open_workbook(content: bytes, locale: Locale | None, limits: Limits) -> Workbook:
    """Open a workbook: XLSX, XLSM, ODS as they are shown, XLS and XLSB as they are stored.

    Args:
        content: the file's bytes.
        locale: the country whose signs and names count where the file names none.
        limits: how much memory it may take.

    Raises:
        Exception: whatever the layers under a damaged file raise.
    """
    if not is_zipfile(BytesIO(content)):
        return _BinaryWorkbook(content, Meter(limits))
    package = Package(content, limits)
    if "content.xml" in package.names:
        return ODSWorkbook(package, locale)
    if package.find_main().endswith(".bin"):
        package.unpack()
        return _BinaryWorkbook(content, package.meter)
    return XLSXWorkbook(package, locale)


class _BinaryWorkbook:
    """A workbook in one of the formats that no library reads with its number formats."""

    def __init__(self, content: bytes, meter: Meter) -> None:
        self._meter = meter
        self._book = CalamineWorkbook.from_filelike(BytesIO(content))
        self.sheets = {
            one.name: one.visible == SheetVisibleEnum.Visible
            for one in self._book.sheets_metadata
            if one.typ == SheetTypeEnum.WorkSheet
        }

    def read(self, name: str) -> Sheet:
        builder = SheetBuilder(self._meter)
        builder.sheet.as_stored = True
        sheet = self._book.get_sheet_by_name(name)
        for row, cells in enumerate(sheet.to_python(skip_empty_area=False)):
            for column, cell in enumerate(cells):
                builder.add(row, column, _show(cell), "", _doubt(cell))
        for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
            builder.sheet.merged.append((top, left, bottom, right))
        return builder.finish()


def _show(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell)


def _doubt(cell: Any) -> str:
    # A float that is a whole number may have a format, too; most have none.
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return AS_STORED if is_number or isinstance(cell, _DATES) else ""


_DATES = (datetime.date, datetime.time, datetime.timedelta)

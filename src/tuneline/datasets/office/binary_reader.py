"""A program of its own that reads one XLS or XLSB workbook, within a bound of memory.

calamine holds a place for every cell between the first and the last one, and of XLS all sheets at
once; when memory ends it ends its process. So it has one to itself. It is run as a script, and
imports nothing of Tuneline.

    python -P binary_reader.py BYTES [SHEET] < workbook
"""

import datetime
import sys
from io import BytesIO
from typing import Any

import orjson
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

DATES = (datetime.date, datetime.time, datetime.timedelta)
# Python's own status of an error, which is on stderr; all others mean that memory has ended.
DAMAGED = 1
NO_MEMORY = 3


def bound_memory(size: int) -> None:
    """Let this process take so many bytes more than it has, where the system can bound it."""
    import psutil

    try:
        import resource
    except ImportError:  # Windows
        return
    allowed = psutil.Process().memory_info().vms + size
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))


def list_sheets(book: CalamineWorkbook) -> dict[str, bool]:
    """List the sheets with cells, and whether each is shown."""
    return {
        one.name: one.visible == SheetVisibleEnum.Visible
        for one in book.sheets_metadata
        if one.typ == SheetTypeEnum.WorkSheet
    }


def read_sheet(book: CalamineWorkbook, name: str) -> dict[str, Any]:
    """Read the cells with something in them: row, column, text, and whether it has a format."""
    sheet = book.get_sheet_by_name(name)
    cells = [
        (row, column, show(cell), is_formatted(cell))
        for row, cells in enumerate(sheet.to_python(skip_empty_area=False))
        for column, cell in enumerate(cells)
        if cell != ""
    ]
    return {"cells": cells, "merged": sheet.merged_cell_ranges or []}


def show(cell: Any) -> str:
    """Show a value as it is stored."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(cell)


def is_formatted(cell: Any) -> bool:
    """Tell whether a sheet shows a value in a format; a whole number, too, may have one."""
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return is_number or isinstance(cell, DATES)


def main() -> None:
    """Read the workbook, and write JSON."""
    content = sys.stdin.buffer.read()
    bound_memory(int(sys.argv[1]))
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(content))
        found = read_sheet(book, sys.argv[2]) if sys.argv[2:] else list_sheets(book)
        sys.stdout.buffer.write(orjson.dumps(found))
    except MemoryError:
        sys.exit(NO_MEMORY)
    except Exception as error:  # whatever calamine raises, the file is damaged
        sys.stderr.write(str(error))
        sys.exit(DAMAGED)


if __name__ == "__main__":
    main()

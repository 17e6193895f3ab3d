"""Opening a workbook, whatever its format; the binary ones are read without their formats."""

import subprocess
import sys
from io import BytesIO
from typing import Any
from zipfile import is_zipfile

import orjson
from babel import Locale

from tuneline.datasets.office import binary_reader
from tuneline.datasets.office.ods import ODSWorkbook
from tuneline.datasets.office.package import Package
from tuneline.datasets.office.sheets import AS_STORED, Sheet, SheetBuilder, Workbook
from tuneline.datasets.office.xlsx import XLSXWorkbook
from tuneline.limits import Limits, Meter, TooLargeError


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
        return _BinaryWorkbook(content, limits, Meter(limits))
    package = Package(content, limits)
    if "content.xml" in package.names:
        return ODSWorkbook(package, locale)
    if package.find_main().endswith(".bin"):
        package.unpack()
        return _BinaryWorkbook(content, limits, package.meter)
    return XLSXWorkbook(package, locale)


class _BinaryWorkbook:
    """A workbook in one of the formats that no library reads with its number formats."""

    def __init__(self, content: bytes, limits: Limits, meter: Meter) -> None:
        self._content, self._limits, self._meter = content, limits, meter
        self.sheets = self._ask()

    def read(self, name: str) -> Sheet:
        builder, found = SheetBuilder(self._meter), self._ask(name)
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
            raise TooLargeError(self._limits.word_memory())
        self._meter.charge(len(done.stdout))
        return dict(orjson.loads(done.stdout))

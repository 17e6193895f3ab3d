"""Zip archives, which XLSX and DOCX files are, without the time at which they were made."""

import re
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

DATE = (2026, 1, 15, 9, 0, 0)
STAMP = b"2026-01-15T09:00:00Z"
PROPERTIES = "docProps/core.xml"

_STAMPS = re.compile(rb"(?<=>)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ(?=</dcterms:)")


def read_members(archive: bytes) -> dict[str, bytes]:
    """What the archive holds, by name and in its order."""
    with ZipFile(BytesIO(archive)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def write_undated(path: Path, archive: bytes) -> None:
    """Write the archive so that the same content always gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in read_members(archive).items():
            undated = _STAMPS.sub(STAMP, content) if name == PROPERTIES else content
            packed.writestr(ZipInfo(name, DATE), undated, ZIP_DEFLATED, 9)

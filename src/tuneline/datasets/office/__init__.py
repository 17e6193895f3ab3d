"""Office files: workbooks and documents."""

from io import BytesIO
from zipfile import BadZipFile, ZipFile
from zlib import error

from tuneline.datasets.opening import BoundedReader

# A compound file holds a stream of this name if its content is encrypted.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# That of an OpenDocument file says which of its parts are encrypted.
MANIFEST = "META-INF/manifest.xml"
MANIFEST_BYTES = 1 << 20


class UnsafeError(Exception):
    """A part of an office file has a document type, with which it could read other files."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"not safe: {name} has a document type (DOCTYPE), which no office program writes; save "
            "it again in Word, Excel or LibreOffice"
        )


def is_compound(content: bytes) -> bool:
    """Tell whether a file is of the kind that old or encrypted office files are."""
    return content.startswith(COMPOUND)


def is_encrypted(content: bytes) -> bool:
    """Tell whether an office file is protected by a password."""
    return (is_compound(content) and ENCRYPTED in content) or _is_encrypted_odf(content)


def _is_encrypted_odf(content: bytes) -> bool:
    try:
        with ZipFile(BoundedReader(BytesIO(content))) as archive, archive.open(MANIFEST) as file:
            return b"encryption-data" in file.read(MANIFEST_BYTES)
    except (BadZipFile, KeyError, OSError, ValueError, error):
        return False

"""Opening a raw file wherever it lies and however it is compressed."""

import lzma
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile
from itertools import chain
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

import fsspec
from fsspec.compression import compr
from fsspec.utils import infer_compression
from isal import igzip, isal_zlib
from zstandard import ZstdError

from tuneline.datasets.unpacking import (
    PACKED_BYTES,
    BoundedReader,
    decompress_xz,
    decompress_zstd,
    gather,
    read_chunks,
)
from tuneline.errors import Problem, TunelineError
from tuneline.utils.limits import STATED_IN, Limits
from tuneline.utils.text import (
    BYTE_ORDER_MARKS,
    WIDER,
    guess_encoding,
    is_encoding,
    is_utf8,
    normalize_name,
    recode,
)

DAMAGED: Any = (
    EOFError,
    zlib.error,
    isal_zlib.error,
    lzma.LZMAError,
    ZstdError,
    BadZipFile,
    BadGzipFile,
)
# How compressed files begin. Files of lzma's old format begin in many ways.
PACKED = {
    "gzip": (b"\x1f\x8b",),
    "bz2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + one]) + b"\x2a\x4d\x18" for one in range(16))),
    "zip": (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
}
# How files begin that no text is.
NO_TEXT = {
    b"PK\x03\x04": "a ZIP file, as workbooks (XLSX, ODS) and Word documents are",
    b"PK\x05\x06": "an empty ZIP file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old workbook or Word document (XLS, DOC)",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh91AY&SY": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z file",
    b"Rar!\x1a\x07": "a RAR file",
    b"%PDF-": "a PDF",
    b"PAR1\x15": "a Parquet file",
    b"ARROW1\x00": "an Arrow file",
    b"SQLite format 3\x00": "an SQLite database",
}
TAR, TAR_AT = b"ustar", 257


class RawFile:
    """The text of one raw file, decompressed, as UTF-8 in chunks.

    Args:
        path: a path or any address that fsspec knows (`hf://`, `memory://`, `https://`); its
            ending says how it is compressed (`.gz`, `.zst`, `.bz2`, `.xz`, or `.zip` with one file
            in it).
        encoding: of the file.
        limits: how much of a compressed file is read.

    Attributes:
        share: how much of the file has been read, from 0 to 1; None if its size is unknown.
    """

    def __init__(self, path: str, encoding: str = "utf-8", limits: Limits | None = None) -> None:
        self.path, self.encoding, self.limits = path, encoding, limits or Limits()
        self.share: float | None = None

    def chunks(self) -> Iterator[bytes]:
        """Read the file from its start.

        What the encoding does not have is marked: see `recode`.

        Raises:
            TunelineError: if it cannot be read, is cut off, is not compressed as its name says, or
                is no text in any encoding like the one stated.
        """
        if not is_encoding(self.encoding):
            raise TunelineError(self._no_encoding())
        chunks = self.read()
        start = next(chunks, b"")
        self.check_kind(start)
        wide = b"\0" in start[:4] or start.startswith(tuple(BYTE_ORDER_MARKS))
        if is_utf8(self.encoding) and wide and (encoding := guess_encoding(start)):
            raise TunelineError(not_encoded(self.path, "UTF-8", encoding))
        if start and self._lacks_mark(start):
            stated = f"{normalize_name(self.encoding)} with a mark"
            raise TunelineError(not_encoded(self.path, stated, guess_encoding(start)))
        chunks = chain([start], chunks)
        return chunks if is_utf8(self.encoding) else recode(chunks, self.encoding)

    def _lacks_mark(self, start: bytes) -> bool:
        """Tell whether an encoding of two orders has no mark that says which of them it is."""
        stated = normalize_name(self.encoding)
        marks = tuple(mark for mark, name in BYTE_ORDER_MARKS.items() if name == stated)
        return bool(marks) and not start.startswith(marks)

    def describe_encoding(self) -> Problem:
        """Word that the file is in another encoding than the one stated."""
        name = normalize_name(self.encoding)
        other = guess_encoding(next(self.read(), b"")) if is_utf8(name) else WIDER.get(name)
        return not_encoded(self.path, "UTF-8" if is_utf8(name) else self.encoding, other)

    def read(self) -> Iterator[bytes]:
        """Read the bytes as they are, whatever their encoding.

        Raises:
            TunelineError: as `chunks` does.
        """
        read, compressed = 0, infer_compression(self.path) is not None
        try:
            with fsspec.open(self.path, "rb") as packed:
                for chunk in self._decompress(packed):
                    read += len(chunk)
                    if compressed and read > self.limits.unpacked_bytes:
                        raise TunelineError(self._too_large())
                    self.share = _measure(packed)
                    if chunk:
                        yield chunk
        except DAMAGED as error:
            raise TunelineError(self._damaged(read, error)) from error
        except (OSError, ValueError, ImportError) as error:
            raise TunelineError(self._unreadable(error)) from error

    def _decompress(self, packed: BinaryIO) -> Iterator[bytes]:
        compression = infer_compression(self.path)
        if compression in PACKED and packed.seekable():
            start = packed.read(8)
            packed.seek(0)
            if start and not start.startswith(PACKED[compression]):
                raise TunelineError(self._not_compressed(compression))
        if compression == "zstd":
            return gather(decompress_zstd(packed))
        if compression in ("xz", "lzma"):
            return gather(decompress_xz(packed))
        if compression == "zip":
            return gather(self._unzip(packed))
        file: Any = packed
        if compression == "gzip":
            file = igzip.IGzipFile(fileobj=packed)  # twice as fast as Python's own
        elif compression:
            file = compr[compression](packed, mode="rb")
        return read_chunks(file)

    def _unzip(self, packed: BinaryIO) -> Iterator[bytes]:
        archive = ZipFile(BoundedReader(packed))
        # A Mac puts the icons of its files into the archive, too.
        inside = [one for one in archive.infolist() if not one.is_dir()]
        inside = [one for one in inside if not one.filename.startswith("__MACOSX/")]
        if len(inside) != 1:
            raise TunelineError(self._not_one([one.filename for one in inside]))
        if inside[0].flag_bits & 1:
            raise TunelineError(self._protected())
        try:
            file = archive.open(inside[0])
        except NotImplementedError as error:
            raise OSError(str(error)) from error
        return iter(lambda: file.read(PACKED_BYTES), b"")

    def check_kind(self, start: bytes) -> None:
        """Refuse what is no text.

        Args:
            start: the first bytes.

        Raises:
            TunelineError: naming the kind of file that it is.
        """
        kind = next((kind for mark, kind in NO_TEXT.items() if start.startswith(mark)), None)
        if start[TAR_AT : TAR_AT + len(TAR)] == TAR:
            kind = "a TAR file"
        if kind:
            raise TunelineError(self._no_text(kind))

    def _no_encoding(self) -> Problem:
        return Problem(
            where=f"{self.path}: encoding",
            value=self.encoding,
            wrong="Python knows no encoding of this name",
            matters="the file cannot be read as text",
            remedy="name one in the catalog, such as `utf-8`, `cp1252`, `big5` or `utf-16`",
        )

    def _no_text(self, kind: str) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"the content is no text but {kind}",
            matters="no row can be read",
            remedy="save it as text, or give it the ending of what it is and name the dataset that "
            "reads it in the catalog (docs/prepare.md)",
        )

    def _too_large(self) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"the compressed file unpacks to more than {self.limits.unpacked_gb:g} GB",
            matters="it would fill memory or disk, as a damaged or a malicious file does",
            remedy=f"look into it; if it is right, raise `unpacked_gb` in {STATED_IN}",
        )

    def _damaged(self, read: int, error: Exception) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"the compressed file ends too early or is damaged, after {read:,} bytes of text "
            f"({error})",
            matters="the rows after that point are missing",
            remedy="download or copy the file again",
        )

    def _not_compressed(self, compression: str) -> Problem:
        ending = self.path.rpartition(".")[2]
        return Problem(
            where=self.path,
            wrong=f"the name says {compression}, the content does not",
            matters="it cannot be read",
            remedy=f"compress it with {compression}, or drop the .{ending} from its name and from "
            "the catalog",
        )

    def _not_one(self, names: list[str]) -> Problem:
        shown = f" ({', '.join(names[:5])})" if names else ""
        return Problem(
            where=self.path,
            wrong=f"there are {len(names)} files in the archive{shown}",
            matters="a use case reads one, and nobody knows which",
            remedy="unpack it, and name the file or the folder in the catalog",
        )

    def _protected(self) -> Problem:
        return Problem(
            where=self.path,
            wrong="the archive is protected by a password",
            matters="no row can be read",
            remedy="unpack it, and name the file in the catalog",
        )

    def _unreadable(self, error: Exception) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"it cannot be read ({type(error).__name__}: {error})",
            matters="there is nothing to learn from",
            remedy="check the address, your right to read it, and the connection",
        )


def not_encoded(where: str, encoding: str, other: str | None) -> Problem:
    """Word that a whole file is in another encoding than the one stated.

    Args:
        where: the file.
        encoding: that it should have.
        other: that it probably has; None if no guess fits.
    """
    return Problem(
        where=where,
        wrong=f"the file is not {encoding} but probably {other}"
        if other
        else f"the file is not {encoding} nor any other encoding that is known",
        matters="no row could be read",
        remedy=f"set `encoding: {other or '…'}` in the catalog, or save the file as UTF-8",
    )


def _measure(packed: BinaryIO) -> float | None:
    size = getattr(packed, "size", None)
    return min(1.0, packed.tell() / size) if size else None

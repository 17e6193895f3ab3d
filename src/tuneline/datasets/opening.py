"""Opening a raw file wherever it lies and however it is compressed."""

import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import fsspec
from fsspec.compression import compr
from fsspec.utils import infer_compression
from isal import igzip, isal_zlib
from zstandard import ZstdDecompressor, ZstdError

from tuneline.encodings import guess_encoding
from tuneline.errors import Problem, TunelineError

CHUNK_BYTES = 8 << 20
PACKED_BYTES = 1 << 20
DAMAGED: Any = (EOFError, zlib.error, isal_zlib.error, lzma.LZMAError, ZstdError)


class RawFile:
    """The text of one raw file, decompressed, as UTF-8 in chunks.

    Args:
        path: a path or any address that fsspec knows (`hf://`, `memory://`, `https://`); its
            ending says how it is compressed (`.gz`, `.zst`, `.bz2`, `.xz`).
        encoding: of the file.

    Attributes:
        share: how much of the file has been read, from 0 to 1; None if its size is unknown.
    """

    def __init__(self, path: str, encoding: str = "utf-8") -> None:
        self.path = path
        self.share: float | None = None
        self._encoding = encoding

    def chunks(self) -> Iterator[bytes]:
        """Read the file from its start.

        Raises:
            TunelineError: if it cannot be read, is cut off, or is not compressed as its name says.
        """
        if codecs.lookup(self._encoding).name == "utf-8":
            return self._check_encoding(self.read())
        return _recode(self.read(), self._encoding)

    def read(self) -> Iterator[bytes]:
        """Read the bytes as they are, whatever their encoding.

        Raises:
            TunelineError: as `chunks` does.
        """
        read = 0
        try:
            with fsspec.open(self.path, "rb") as packed:
                for chunk in _decompress(packed, infer_compression(self.path)):
                    read += len(chunk)
                    self.share = _measure(packed)
                    yield chunk
        except gzip.BadGzipFile as error:
            raise TunelineError(self._not_compressed(error)) from error
        except DAMAGED as error:
            raise TunelineError(self._damaged(read, error)) from error
        except (OSError, ValueError, ImportError) as error:
            raise TunelineError(self._unreadable(error)) from error

    def _check_encoding(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        start = next(chunks, b"")
        encoding = guess_encoding(start) if b"\0" in start[:4] else None
        if encoding:
            raise TunelineError(
                Problem(
                    where=self.path,
                    wrong=f"the file is not UTF-8 but probably {encoding}",
                    matters="no row could be read",
                    remedy=f"set `encoding: {encoding}` in the catalog",
                )
            )
        yield start
        yield from chunks

    def _damaged(self, read: int, error: Exception) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"the compressed file ends too early or is damaged, after {read:,} bytes of text "
            f"({error})",
            matters="the rows behind that point are missing",
            remedy="download or copy the file again",
        )

    def _not_compressed(self, error: Exception) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"the name says gzip, the content does not ({error})",
            matters="it cannot be read",
            remedy="compress it with gzip, or drop the .gz from its name and from the catalog",
        )

    def _unreadable(self, error: Exception) -> Problem:
        return Problem(
            where=self.path,
            wrong=f"it cannot be read ({type(error).__name__}: {error})",
            matters="there is nothing to learn from",
            remedy="check the address, your right to read it, and the connection",
        )


def divide_bytes(whole: bytes) -> Iterator[bytes]:
    """Hand out in chunks what is already read."""
    return (whole[at : at + CHUNK_BYTES] for at in range(0, len(whole), CHUNK_BYTES))


def _decompress(packed: BinaryIO, compression: str | None) -> Iterator[bytes]:
    if compression == "zstd":
        return _decompress_zstd(packed)
    file = packed
    if compression == "gzip":
        file = igzip.IGzipFile(fileobj=packed)  # twice as fast as Python's own
    elif compression:
        file = compr[compression](packed, mode="rb")
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _decompress_zstd(packed: BinaryIO) -> Iterator[bytes]:
    """Decompress frame by frame; the library's own reader takes a cut-off file for a whole one."""
    frame = ZstdDecompressor().decompressobj()
    begun = False
    while data := packed.read(PACKED_BYTES):
        while data:
            yield frame.decompress(data)
            begun, data = not frame.eof, frame.unused_data
            if frame.eof:
                frame = ZstdDecompressor().decompressobj()
    if begun:
        raise EOFError("the last frame is not complete")


def _recode(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("backslashreplace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _measure(packed: BinaryIO) -> float | None:
    size = getattr(packed, "size", None)
    return min(1.0, packed.tell() / size) if size else None

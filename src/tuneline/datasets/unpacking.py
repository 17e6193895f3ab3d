"""Compressed files, unpacked piece by piece in bounded memory."""

import lzma
from collections.abc import Iterator
from typing import BinaryIO
from zipfile import BadZipFile

from zstandard import ZstdDecompressor

# Each chunk becomes a batch of rows: with larger ones, cleaning takes more than 600 MB (measured).
CHUNK_BYTES = 7 << 20
# Four bytes of a compressed file may stand for 128 KiB of text: what is unpacked at once is small.
PACKED_BYTES = 1 << 12
# xz itself asks for 65 MiB at most, unless it is told otherwise.
XZ_MEMORY_BYTES = 1 << 29
PIECE_BYTES = 1 << 20
# A thousand times as much as an archive with one file in it has.
DIRECTORY_BYTES = 1 << 24


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Hand out in chunks what is not compressed."""
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def divide_bytes(whole: bytes) -> Iterator[bytes]:
    """Hand out in chunks what is already read."""
    return (whole[at : at + CHUNK_BYTES] for at in range(0, len(whole), CHUNK_BYTES))


class BoundedReader:
    """A file that holds a ZIP archive, whose directory is read at once and so must be small.

    Args:
        file: the archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read some bytes.

        Raises:
            BadZipFile: if they are more than any archive has a reason to ask for.
        """
        data = self._file.read(size if 0 <= size <= DIRECTORY_BYTES else DIRECTORY_BYTES + 1)
        if len(data) > DIRECTORY_BYTES:
            raise BadZipFile(f"its directory is longer than {DIRECTORY_BYTES:,} bytes")
        return data


def read_at_most(file: BinaryIO, most: int) -> bytes | None:
    """Read a file as a whole; None if it has more bytes than allowed."""
    pieces: list[bytes] = []
    size = 0
    while piece := file.read(PIECE_BYTES):  # to ask for all at once would take memory for all
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def gather(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make chunks of small pieces."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def decompress_xz(packed: BinaryIO) -> Iterator[bytes]:
    """Decompress stream by stream; the library's own reader takes any amount of memory."""
    stream = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
    begun = False
    while data := packed.read(PACKED_BYTES):
        if not begun:
            data = data.lstrip(b"\0")  # zero bytes between two streams are no stream
        while data or not stream.needs_input:
            yield stream.decompress(data, CHUNK_BYTES)
            begun, data = True, b""
            if stream.eof:
                begun, data = False, stream.unused_data.lstrip(b"\0")
                stream = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
    if begun:
        raise EOFError("the last stream is not complete")


def decompress_zstd(packed: BinaryIO) -> Iterator[bytes]:
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

"""Parts of files of JSON lines: what one of Spark's workers reads."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

import fsspec

from tuneline.datasets.line_splitting import split_lines
from tuneline.datasets.opening import RawFile
from tuneline.datasets.unpacking import CHUNK_BYTES
from tuneline.utils.limits import Limits

# A file that is not compressed is read in parts of this size.
PART_BYTES = 1 << 26


@dataclass(frozen=True)
class Part:
    """What one worker reads: a whole file, or the lines that begin in a range of its bytes.

    Attributes:
        name: of the file.
        path: of the file.
        start: first byte.
        end: the byte after the last; None for the file's end.
    """

    name: str
    path: str
    start: int = 0
    end: int | None = None


def measure_file(path: str) -> int:
    """Measure a file in bytes; 0 where its size is not known."""
    files, place = fsspec.core.url_to_fs(path)
    return int(files.size(place) or 0)


def read_part(part: Part, limits: Limits) -> Iterator[list[bytes]]:
    """Read the lines of a part, a batch for each few megabytes."""
    if part.end is not None:
        chunks = read_range(part.path, part.start, part.end)
    else:
        chunks = RawFile(part.path, limits=limits).chunks()
    return split_lines(_drop_mark(chunks) if part.start == 0 else chunks, limits)


def _drop_mark(chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield next(chunks, b"").removeprefix(codecs.BOM_UTF8)
    yield from chunks


def read_range(path: str, start: int, end: int) -> Iterator[bytes]:
    """Read the lines of an uncompressed file that begin in a range of its bytes, without its end.

    Gives chunks of whole lines, but for a line that is longer than a chunk.
    """
    with fsspec.open(path, "rb") as file:
        at = max(start - 1, 0)  # a line begins at `start` if the byte before ends one
        file.seek(at)
        begun = start == 0
        while chunk := file.read(CHUNK_BYTES):
            first = 0
            if not begun:
                first = chunk.find(b"\n") + 1
                begun = first > 0
                if at + first >= end:
                    return
            if begun:
                last = chunk.find(b"\n", max(end - 1 - at, first)) + 1
                yield chunk[first : last or None]
                if last:
                    return
            elif at + len(chunk) >= end:
                return
            at += len(chunk)

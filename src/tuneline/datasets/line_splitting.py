"""Bytes divided into lines, each within a bound."""

import re
from collections.abc import Iterator
from itertools import chain

from tuneline.utils.limits import (
    SHOWN_BYTES,
    Limits,
    cut_row,
)

# What tells how the lines of a file end.
SAMPLE_BYTES = 1 << 16
# A file of empty lines makes as many rows as it has bytes, and a row takes more memory than a byte.
LINES_PER_BATCH = 200_000
QUOTED = re.compile(rb'"(?:[^"]|"")*+"')


def split_lines(chunks: Iterator[bytes], limits: Limits) -> Iterator[list[bytes]]:
    """Divide chunks of bytes into lines, without their ends; a batch of lines for each chunk.

    A file whose lines end in a carriage return alone, as old programs on a Mac write them, is
    divided at all of these; in any other file a lone carriage return is a character.

    Args:
        chunks: the text.
        limits: how long a line may be; of a longer one comes a `CutRow`.
    """
    start = next(chunks, b"")
    chunks = chain([start], chunks)
    begun = _Begun(limits)
    for chunk in _unify_line_ends(chunks) if _ends_in_returns(start) else chunks:
        lines = chunk.split(b"\n")
        begun.add(lines[0])
        if len(lines) == 1:
            continue
        lines[0] = begun.finish()
        begun.add(lines.pop())
        if len(chunk) > limits.row_bytes:
            lines = cut_long(lines, limits)
        del chunk  # a batch takes memory: none is held while the next one is made
        for at in range(0, len(lines), LINES_PER_BATCH):
            yield lines if len(lines) <= LINES_PER_BATCH else lines[at : at + LINES_PER_BATCH]
        del lines
    if begun.size:
        yield [begun.finish()]


def cut_long(lines: list[bytes], limits: Limits) -> list[bytes]:
    """Cut the lines that are too long."""
    longest = limits.row_bytes
    return [one if len(one) <= longest else cut_row(one, len(one), limits) for one in lines]


class _Begun:
    """A line whose end is not there yet; of one that is too long only the start is kept."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        self._pieces.append(piece)
        if self.size > self._limits.row_bytes:
            self._pieces = [b"".join(self._pieces)[:SHOWN_BYTES]]

    def finish(self) -> bytes:
        line, size = b"".join(self._pieces), self.size
        self._pieces, self.size = [], 0
        return line if size <= self._limits.row_bytes else cut_row(line, size, self._limits)


def _ends_in_returns(start: bytes) -> bool:
    """Tell whether most lines end in a lone return; what is in quotes may hold any line ends."""
    sample = start[:SAMPLE_BYTES].removesuffix(b"\r")
    bare = QUOTED.sub(b"", sample) if b"\r" in sample else b""
    return bare.count(b"\r") - bare.count(b"\r\n") > bare.count(b"\n")


def _unify_line_ends(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        whole = held + chunk
        held = b"\r" if whole.endswith(b"\r") else b""  # its line feed may be in the next chunk
        yield whole.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield held.replace(b"\r", b"\n")

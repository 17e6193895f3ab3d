"""Lines of a text that comes in pieces."""

import re
from collections.abc import Iterator
from itertools import chain

SAMPLE_BYTES = 1 << 16
QUOTED = re.compile(rb'"(?:[^"]|"")*+"')


def split_lines(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide chunks of bytes into lines, without their ends; a batch of lines for each chunk.

    A file whose lines end in a carriage return alone, as old programs on a Mac write them, is
    divided at all of these; in any other file a lone carriage return is a character.
    """
    start = next(chunks, b"")
    chunks = chain([start], chunks)
    rest = b""
    for chunk in _unify_line_ends(chunks) if _ends_in_returns(start) else chunks:
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]  # `rest + chunk` would copy the whole chunk
        rest = lines.pop()
        if lines:
            yield lines
    if rest:
        yield [rest]


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

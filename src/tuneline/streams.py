"""Streams of tables: what lets a file of any size pass through a node in little memory."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import polars as pl


class RowSource(Protocol):
    """Raw rows that can be read in batches."""

    def batches(self, identifier: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Read the rows in order.

        Args:
            identifier: name of the field that identifies a row: a text or a whole number.
            columns: names of the fields that hold text.

        Yields:
            Tables with `line` (number in the source, from 1), `original` (the row as it stood
            there), `problem` (why it could not be read, or null), the identifier and the columns.
        """
        ...


class Stream:
    """Tables of one schema that follow one another and can be walked once."""

    def __init__(self, tables: Iterable[pl.DataFrame]) -> None:
        self._tables = iter(tables)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Walk the tables."""
        return self._tables


def divide(pairs: Iterator[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[Stream, Stream]:
    """Make two streams of a stream of pairs, in one pass over it.

    The first stream drives the pass. The second waits on the disk until the first is through,
    because Kedro saves one output after the other and neither may fill the memory.

    Args:
        pairs: tables for the first and for the second stream.

    Returns:
        Both streams; the second must be walked after the first.
    """
    spool = tempfile.TemporaryDirectory(prefix="tuneline-")
    waiting: list[Path] = []

    def first() -> Iterator[pl.DataFrame]:
        for mine, other in pairs:
            path = Path(spool.name) / f"{len(waiting)}.arrow"
            other.write_ipc(path)
            waiting.append(path)
            yield mine

    def second() -> Iterator[pl.DataFrame]:
        with spool:
            for path in waiting:
                yield pl.read_ipc(path)

    return Stream(first()), Stream(second())

"""Streams: what lets a file of any size pass through a node in little memory."""

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

import polars as pl

from tuneline.disk import name_full_disk

S = TypeVar("S")
T = TypeVar("T")

REMEDY = "free space there, or let the environment variable TMPDIR name another disk"
# Enough to fill the gaps between two calls of polars, few enough for little memory.
WORKERS = 2


class Stream(Generic[T]):
    """Values that follow one another and can be walked once."""

    def __init__(self, values: Iterable[T]) -> None:
        self._values = iter(values)

    def __iter__(self) -> Iterator[T]:
        """Walk the values."""
        return self._values


def divide(
    pairs: Iterator[tuple[pl.DataFrame, pl.DataFrame]],
) -> tuple[Stream[pl.DataFrame], Stream[pl.DataFrame]]:
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
            with name_full_disk(path, REMEDY):
                other.write_ipc(path)
            waiting.append(path)
            yield mine

    def second() -> Iterator[pl.DataFrame]:
        with spool:
            for path in waiting:
                yield pl.read_ipc(path)
                path.unlink()

    return Stream(first()), Stream(second())


def run_ahead(values: Iterator[T]) -> Iterator[T]:
    """Walk an iterator in a thread of its own, one value ahead of who asks for it.

    Decompressing, parsing and writing give up Python's lock for most of their time, so that each
    of them may have a core.

    Args:
        values: the iterator; what it raises is raised here.

    Yields:
        Its values in their order.
    """
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, values, end)
        while (value := coming.result()) is not end:
            coming = thread.submit(next, values, end)
            yield value  # type: ignore[misc]  # it is not the end


def map_ahead(work: Callable[[S], T], values: Iterable[S]) -> Iterator[T]:
    """Do some work on every value, on two of them at a time.

    Args:
        work: a function that gives up Python's lock for most of its time, as polars does.
        values: what to work on.

    Yields:
        What the work gives, in the order of the values.
    """
    with ThreadPoolExecutor(WORKERS) as threads:
        coming: deque[Future[T]] = deque()
        for value in values:
            coming.append(threads.submit(work, value))
            if len(coming) > WORKERS:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

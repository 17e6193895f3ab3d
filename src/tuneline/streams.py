"""Streams: what lets a file of any size pass through a node in little memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Generic, TypeVar

import polars as pl

from tuneline.disk import name_unwritable
from tuneline.files import SCRATCH_REMEDY, make_scratch

S = TypeVar("S")
T = TypeVar("T")

# Enough to fill the gaps between two calls of polars, few enough for little memory.
WORKERS = 2
# How soon a thread notices that nobody asks for its values any more.
LOOK_UP_SECONDS = 0.2


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
    spool = make_scratch()
    waiting: list[Path] = []

    def first() -> Iterator[pl.DataFrame]:
        for mine, other in pairs:
            path = Path(spool.name) / f"{len(waiting)}.arrow"
            with name_unwritable(path, SCRATCH_REMEDY):
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
    of them may have a core. Who stops asking need not tell: the thread ends by itself. It is not
    waited for, because a generator may be closed by the garbage collector, in any thread and
    between any two instructions, where to wait for a thread is to wait for ever.

    Args:
        values: the iterator; what it raises is raised here.

    Yields:
        Its values in their order.
    """
    passed: Queue[Callable[[], T]] = Queue(1)
    abandoned: list[bool] = []
    Thread(target=_walk, args=(values, passed, abandoned), daemon=True).start()
    try:
        while True:
            try:
                value = passed.get()()
            except _EndError:
                return
            yield value
    finally:
        abandoned.append(True)


def map_ahead(work: Callable[[S], T], values: Iterable[S]) -> Iterator[T]:
    """Do some work on every value, on two of them at a time.

    Args:
        work: a function that gives up Python's lock for most of its time, as polars does.
        values: what to work on.

    Yields:
        What the work gives, in the order of the values.
    """
    coming: deque[Future[T]] = deque()
    for value in values:
        coming.append(_share_threads().submit(work, value))
        if len(coming) > WORKERS:
            yield coming.popleft().result()
    while coming:
        yield coming.popleft().result()


class _EndError(Exception):
    """There are no more values."""


def _walk(values: Iterator[T], passed: "Queue[Callable[[], T]]", abandoned: list[bool]) -> None:
    def give(value: T) -> T:
        return value

    def fail(error: BaseException) -> T:
        raise error

    try:
        for value in values:
            if not _pass_on(partial(give, value), passed, abandoned):
                return
    except BaseException as error:  # it is raised where the values are asked for
        _pass_on(partial(fail, error), passed, abandoned)
    else:
        _pass_on(partial(fail, _EndError()), passed, abandoned)


def _pass_on(
    item: Callable[[], T], passed: "Queue[Callable[[], T]]", abandoned: list[bool]
) -> bool:
    """Put an item into the queue; answer whether somebody still asks for it."""
    while not abandoned:
        try:
            passed.put(item, timeout=LOOK_UP_SECONDS)
        except Full:
            continue
        return True
    return False


@cache
def _share_threads() -> ThreadPoolExecutor:
    """Make the threads that all streams share: one reads and one writes at the same time."""
    return ThreadPoolExecutor(2 * WORKERS, thread_name_prefix="streams")

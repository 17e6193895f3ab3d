"""Streams: what lets a file of any size pass through a node in little memory."""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from queue import Full, Queue
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar

from tuneline.parameters import Data

if TYPE_CHECKING:  # models work on machines without polars, too
    import polars as pl

S = TypeVar("S")
T = TypeVar("T")

# Enough to fill the gaps between two calls of polars, few enough for little memory.
WORKERS = 2
# How long a thread keeps Python's lock while others wait for it. Each call of polars gives the lock
# up and must have it back: at Python's own 5 ms its threads would wait for most of their time.
SWITCH_SECONDS = 0.0005
# How soon a thread notices that nobody asks for its values any more.
LOOK_UP_SECONDS = 0.2
# `data.id` of rows that have no name of their own: their number in the source.
LINE = "line"
# Column of a batch, where a source has several files: `part-03.jsonl:17`.
SOURCE = "_source"
Work = Callable[["pl.DataFrame"], "pl.DataFrame"]


def run_ahead(values: Iterator[T]) -> Iterator[T]:
    """Walk an iterator in a thread of its own, one value ahead of who asks for it.

    Decompressing, parsing and writing give up Python's lock for most of their time, so that each of
    them may have a core. Who stops asking need not tell: the thread ends by itself. It is not
    waited for, because a generator may be closed by the garbage collector, in any thread and
    between any two instructions, where to wait for a thread is to wait for ever. What the iterator
    raises is raised here.
    """
    passed: Queue[Callable[[], T]] = Queue(1)
    abandoned: list[bool] = []
    Thread(target=_walk, args=(values, passed, abandoned), daemon=True).start()
    try:
        while True:
            yield passed.get()()  # without a name, which would hold it while the next one is made
    except _EndError:
        return
    finally:
        abandoned.append(True)


def map_ahead(work: Callable[[S], T], values: Iterable[S]) -> Iterator[T]:
    """Do some work on every value, on two of them at a time.

    `work` gives up Python's lock for most of its time, as polars does; the order stays.
    """
    coming: deque[Future[T]] = deque()
    for value in values:
        coming.append(_share_threads().submit(work, value))
        del value
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
            del value
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
    sys.setswitchinterval(SWITCH_SECONDS)
    return ThreadPoolExecutor(2 * WORKERS, thread_name_prefix="streams")


@dataclass(frozen=True)
class Fields:
    """What is read of each row.

    Attributes:
        identifier: field that identifies a row, a text or a whole number; `line` for its number.
        columns: fields that hold text.
        carried: fields that go with the text uncleaned: a text, a whole number, or a list of
            texts, which becomes one text with semicolons; empty where a row has none.
        category: the one of `carried` or `columns` that divides the rows.
        conversation: the one of `columns` that holds a list of messages; it is read as JSON.
        origin: the one of `carried` that may hold an object; it is read as JSON.
    """

    identifier: str
    columns: tuple[str, ...]
    carried: tuple[str, ...] = ()
    category: str | None = None
    conversation: str | None = None
    origin: str | None = None

    @property
    def required(self) -> tuple[str, ...]:
        """Fields that every row must have."""
        return (*(() if self.identifier == LINE else (self.identifier,)), *self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """All fields, each once."""
        return tuple(dict.fromkeys((*self.required, *self.carried)))


def list_fields(data: Data) -> Fields:
    """List what a use case reads of its raw rows."""
    column = data.conversations.column if data.conversations else None
    columns, carried = tuple(data.columns), tuple(data.carried)
    return Fields(data.id, columns, carried, data.category, column, data.origin)


class RowSource(Protocol):
    """Raw rows that are read in batches, here or on many machines.

    Attributes:
        path: where they are.
        share: how much of the source has been read, from 0 to 1; None if its size is unknown.
        files: of several files that were read, the number of the last row before each.
        notes: what of the source was not read, or not as it is shown there.
    """

    path: str
    share: float | None = None
    files: Mapping[str, int] = MappingProxyType({})
    notes: Sequence[str] = ()

    def map(self, fields: Fields, work: Work) -> "Iterator[pl.DataFrame]":
        """Read the rows and do some work on every batch.

        `work` is a pure function of a batch, which may run elsewhere. A batch has `line` (number in
        the source, from 1), `original` (the row's bytes as they were there), `problem` (why it
        could not be read, or null) and a column of text for each field; rows of several files also
        have `_source`, the line of the file.
        """
        ...


def show_originals(rows: "pl.Series") -> "pl.Series":
    """Write raw rows as texts; bytes that are no UTF-8 in hexadecimal."""
    import polars as pl

    try:
        texts = rows.cast(pl.String)
    except pl.exceptions.ComputeError:  # polars does not say which row is to blame
        texts = pl.Series([row.decode("utf-8", "backslashreplace") for row in rows])
    return texts.cast(pl.String).str.strip_chars_end("\r\n")

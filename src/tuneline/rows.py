"""Raw rows on their way from a source to the cleaning rules."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import polars as pl

from tuneline.parameters import Data

# `data.id` of rows that have no name of their own: their number in the source.
LINE = "line"
# Column of a batch, where a source has several files: `part-03.jsonl:17`.
SOURCE = "_source"

Work = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Fields:
    """What is read of each row.

    Attributes:
        identifier: field that identifies a row, a text or a whole number; `line` for its number.
        columns: fields that hold text.
        carried: fields that go with the text uncleaned: a text, a whole number, or a list of
            texts, which becomes one text with semicolons; empty where a row has none.
        category: the one of `carried` or `columns` that divides the rows.
    """

    identifier: str
    columns: tuple[str, ...]
    carried: tuple[str, ...] = ()
    category: str | None = None

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
    return Fields(data.id, tuple(data.columns), tuple(data.carried), data.category)


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

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        """Read the rows and do some work on every batch.

        Args:
            fields: what to read.
            work: a pure function of a batch, which may run elsewhere. A batch has `line` (number
                in the source, from 1), `original` (the row's bytes as they stood there), `problem`
                (why it could not be read, or null) and a column of text for each field; rows of
                several files also have `_source`, the line of the file.

        Yields:
            What the work gives, in the order of the rows.
        """
        ...


def show_originals(rows: pl.Series) -> pl.Series:
    """Write raw rows as texts; bytes that are no UTF-8 in hexadecimal."""
    try:
        texts = rows.cast(pl.String)
    except pl.exceptions.ComputeError:  # polars does not say which row is to blame
        texts = pl.Series([row.decode("utf-8", "backslashreplace") for row in rows])
    return texts.cast(pl.String).str.strip_chars_end("\r\n")

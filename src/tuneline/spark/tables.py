"""What lies beyond one machine: a source of raw rows, and a table in parts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from tuneline.spark.session import Cluster
from tuneline.streaming import Fields

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

# A block's part, its number in the part, and its rows.
BlockWork = Callable[[int, int, pl.DataFrame], "pa.RecordBatch"]


@dataclass(frozen=True)
class Place:
    """Where a part of the source begins.

    Attributes:
        name: of its file; None if the source is a single file.
        before: rows of the source before it.
        before_in_file: rows of its file before it.
    """

    name: str | None
    before: int
    before_in_file: int


class SparkRows(ABC):
    """Raw rows that Spark's workers read, each part of them once, in blocks of a few megabytes.

    Attributes:
        path: where they are.
        files: of several files that were read, the number of the last row before each.
        notes: what of the source was not read.
        cluster: where Spark runs.
    """

    path: str
    cluster: Cluster
    files: Mapping[str, int] = MappingProxyType({})
    notes: Sequence[str] = ()

    @abstractmethod
    def work(self, fields: Fields, work: BlockWork, schema: str) -> "DataFrame":
        """Do some work on every block, on the workers.

        Args:
            fields: what to read.
            work: a pure function of a block, as `RowSource.map` gives batches; its lines count from
                1 in each part.
            schema: of what the work gives.

        Returns:
            What the work gives, of which nothing is done yet.
        """

    @abstractmethod
    def place(self, rows: Mapping[int, int]) -> list[Place]:
        """Say where each part begins, now that the rows of each are counted; settle `files`."""


@dataclass(frozen=True)
class SparkTable:
    """A table in parts, CSV files in a folder that all workers see.

    Attributes:
        folder: the folder.
        cluster: where Spark runs.
    """

    folder: Path
    cluster: Cluster

    @property
    def parts(self) -> list[Path]:
        """The files in the order of the rows."""
        return sorted(self.folder.glob("part-*.csv"))

    def scan(self) -> pl.LazyFrame:
        """Answer with the whole table, of which nothing is read yet."""
        return scan_parts(self.parts)


def scan_parts(paths: list[Path]) -> pl.LazyFrame:
    """Read CSV files lazily: every column as text, an empty cell as an empty text."""
    return pl.scan_csv(paths, infer_schema=False, empty_string_is_null=False)


def walk_rows(batches: "Iterator[pa.RecordBatch]") -> Iterator[dict[str, Any]]:
    """Walk the rows that Spark hands to a worker."""
    for batch in batches:
        yield from batch.to_pylist()

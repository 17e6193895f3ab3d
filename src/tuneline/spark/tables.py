"""What lies beyond one machine: a source of raw rows, and tables in parts."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl

from tuneline.spark.session import Cluster
from tuneline.streaming import Fields

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

# A block's part, its number in the part, and its rows.
BlockWork = Callable[[int, int, pl.DataFrame], "pa.RecordBatch"]
PartWork = Callable[[Path], pl.DataFrame]
# Of a sample: some 20 MB of texts.
ROWS_PER_PART = 20_000


@dataclass(frozen=True)
class Place:
    """Where a part of the source begins: the rows before it, in all and in its file."""

    name: str | None
    before: int
    before_in_file: int


class SparkRows(ABC):
    """Raw rows that Spark's workers read, each part of them once, in blocks of a few megabytes.

    `files` has the number of the last row before each of several files, `notes` what was not read.
    """

    path: str
    cluster: Cluster
    files: Mapping[str, int] = MappingProxyType({})
    notes: Sequence[str] = ()

    @abstractmethod
    def work(self, fields: Fields, work: BlockWork, schema: str) -> "DataFrame":
        """Do some work on every block, on the workers.

        A work is a pure function of a block, as `RowSource.map` gives batches; its lines count from
        1 in each part. Nothing is done yet.
        """

    @abstractmethod
    def place(self, rows: Mapping[int, int]) -> list[Place]:
        """Say where each part begins, now that the rows of each are counted; settle `files`."""


@dataclass(frozen=True)
class SparkParts:
    """Rows in parts, files in a folder that all workers see."""

    folder: Path
    cluster: Cluster
    ending: ClassVar[str]

    @property
    def parts(self) -> list[Path]:
        """The files in the order of the rows."""
        return sorted(self.folder.glob(f"part-*{self.ending}"))


class SparkTable(SparkParts):
    """A table in parts, CSV files."""

    ending = ".csv"

    def scan(self) -> pl.LazyFrame:
        """Answer with the whole table, of which nothing is read yet."""
        return scan_parts(self.parts)


class SparkSample(SparkParts):
    """The rows of a sample in their order: Arrow files, each but the last of `ROWS_PER_PART`."""

    ending = ".arrow"

    @property
    def height(self) -> int:
        """How many rows there are."""
        return int(self.scan().select(pl.len()).collect().item())

    def scan(self) -> pl.LazyFrame:
        """Answer with all rows, of which nothing is read yet."""
        return pl.scan_ipc(self.parts)


def number_parts(session: "SparkSession", count: int) -> "DataFrame":
    """Give each number below `count` a task of its own."""
    return session.range(0, count, numPartitions=count)


def map_parts(session: "SparkSession", table: SparkParts, work: PartWork) -> "DataFrame":
    """Do some work on each part of a table: a row with its `number` and the packed `table`."""
    run = partial(_work_on, parts=[path.absolute() for path in table.parts], work=work)
    return number_parts(session, len(table.parts)).mapInArrow(run, "number long, table binary")


def collect_parts(session: "SparkSession", table: SparkParts, work: PartWork) -> pl.DataFrame:
    """Put together what the work gives of each part."""
    rows = sorted(tuple(row) for row in map_parts(session, table, work).collect())
    return pl.concat(unpack_table(one) for _, one in rows)


def _work_on(
    batches: "Iterator[pa.RecordBatch]", parts: list[Path], work: PartWork
) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for row in walk_rows(batches):
        packed = pack_table(work(parts[row["id"]]))
        yield pa.record_batch(
            {"number": pa.array([row["id"]]), "table": pa.array([packed], pa.binary())}
        )


def pack_table(table: pl.DataFrame) -> bytes:
    """Pack a table on its way through Spark."""
    table.write_ipc_stream(stream := BytesIO())
    return stream.getvalue()


def unpack_table(packed: bytes) -> pl.DataFrame:
    """Unpack what `pack_table` has packed."""
    return pl.read_ipc_stream(BytesIO(packed))


def scan_parts(paths: list[Path]) -> pl.LazyFrame:
    """Read CSV files lazily: every column as text, an empty cell as an empty text."""
    return pl.scan_csv(paths, infer_schema=False, empty_string_is_null=False)


def walk_rows(batches: "Iterator[pa.RecordBatch]") -> Iterator[dict[str, Any]]:
    """Walk the rows that Spark hands to a worker."""
    for batch in batches:
        yield from batch.to_pylist()

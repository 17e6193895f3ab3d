"""Raw rows as JSON lines, read and cleaned by Spark."""

import codecs
import os
import sys
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from tuneline.datasets.decoding import RowDecoder
from tuneline.datasets.raw import RawDataset
from tuneline.datasets.raw_json import check_lines
from tuneline.errors import Problem, TunelineError
from tuneline.rows import Fields, RowSource, Work

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

CHECKED_LINES = 1000
# On one machine nothing listens to the network.
HERE = {
    "spark.driver.host": "localhost",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}


class SparkJSONLinesDataset(RawDataset):
    """Reads one file with a JSON object a line, in a cluster or on all cores of this machine.

    The same function as everywhere else cleans the batches, inside Spark; the results come back in
    the order of the file, one batch after the other.

    Args:
        filepath: the file, at an address that Spark knows; a file that is not compressed is read in
            parts.
        master: the cluster; `local[*]` for the cores of this machine.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        master: str = "local[*]",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._master = master

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _SparkRows(self._filepath, self._master)


class _SparkRows:
    """Rows of one file. See `RowSource`."""

    share: float | None = None

    def __init__(self, path: str, master: str) -> None:
        self._path, self._master = path, master

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        from pyspark import StorageLevel

        session = self._start()
        lines = session.read.text(self._path, lineSep="\n")
        # Spark's text is whatever bytes the file holds; as bytes nothing of it is lost.
        lines = lines.select(lines.value.cast("binary").alias("value"))
        self._check(lines, fields)
        run = partial(_run, fields=fields, work=work)
        done = _number(lines, session).mapInArrow(run, "table binary")
        done = done.persist(StorageLevel.DISK_ONLY)
        try:
            done.count()  # all parts at once; walking them would do one after the other
            for row in done.toLocalIterator():
                yield pl.read_ipc_stream(BytesIO(row.table))
        finally:
            done.unpersist()

    def _check(self, lines: "DataFrame", fields: Fields) -> None:
        first = [bytes(row.value) for row in lines.take(CHECKED_LINES)]
        check_lines(self._path, first, RowDecoder(fields).decode_lines(first), fields)

    def _start(self) -> "SparkSession":
        try:
            from pyspark.errors import PySparkException, PySparkRuntimeError
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise TunelineError(self._no_spark("pyspark is not installed")) from error
        builder = SparkSession.builder.master(self._master).appName("tuneline")
        if self._master.startswith("local"):
            builder = builder.config(map=HERE)
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the first in PATH
        try:
            return builder.getOrCreate()
        except (PySparkException, PySparkRuntimeError, OSError) as error:
            raise TunelineError(self._no_spark(f"Spark does not start ({error})")) from error

    def _no_spark(self, wrong: str) -> Problem:
        return Problem(
            where="--env=spark",
            wrong=wrong,
            matters="this environment cleans in Spark",
            remedy="pip install 'tuneline[spark]', with Java 17 or newer; or leave --env out",
        )


def _number(lines: "DataFrame", session: "SparkSession") -> "DataFrame":
    """Number the lines from 1, in the order of the file."""
    from pyspark.sql import functions

    parts = lines.withColumn("part", functions.spark_partition_id())
    counts = dict(sorted(parts.groupBy("part").count().collect()))
    starts, total = {}, 0
    for part, count in counts.items():
        starts[part], total = total, total + count
    table = functions.create_map(
        *(functions.lit(number) for pair in starts.items() for number in pair)
    )
    within = functions.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
    numbered = parts.withColumn("line", table[functions.col("part")] + within + 1)
    numbered = numbered.select("line", "value")
    if len(counts) > 1:
        return numbered
    # A compressed file comes in one part, which one core would have to clean.
    wanted = 4 * session.sparkContext.defaultParallelism
    return numbered.repartitionByRange(wanted, "line").sortWithinPartitions("line")


def _run(
    batches: "Iterator[pa.RecordBatch]", fields: Fields, work: Work
) -> "Iterator[pa.RecordBatch]":
    """Do the work on batches of lines, inside Spark."""
    import pyarrow as pa

    decoder = RowDecoder(fields)
    for batch in batches:
        numbers = pl.Series(batch.column("line").to_pylist(), dtype=pl.Int64)
        lines = batch.column("value").to_pylist()
        if lines and numbers[0] == 1:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        table = work(decoder.tabulate(decoder.decode_lines(lines), lines, numbers))
        table.write_ipc_stream(stream := BytesIO())
        yield pa.record_batch([pa.array([stream.getvalue()], pa.binary())], names=["table"])

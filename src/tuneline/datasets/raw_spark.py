"""Raw rows as JSON lines, read and cleaned by Spark."""

import codecs
import os
import sys
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import partial, reduce
from io import BytesIO
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import polars as pl

from tuneline.datasets.opening import not_encoded
from tuneline.datasets.raw_base import RawDataset, refuse_empty
from tuneline.datasets.raw_decoding import RowDecoder
from tuneline.datasets.raw_json import ENDINGS, check_lines, cut_long
from tuneline.datasets.sources import list_files
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import SOURCE, Fields, RowSource, Work
from tuneline.utils.limits import Limits
from tuneline.utils.text import guess_encoding

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
    """Reads files with a JSON object a line, in a cluster or on all cores of this machine.

    The same function as everywhere else cleans the batches, inside Spark; the results come back in
    the order of the files and of their lines, one batch after the other.

    Args:
        filepath: the file, a folder or a pattern with `*`, at an address that Spark knows; a file
            that is not compressed is read in parts.
        master: the cluster; `local[*]` for the cores of this machine.
        limits: how much is taken in: see `tuneline.utils.limits`.
        metadata: what Kedro-Viz reads.
    """

    def __init__(
        self,
        *,
        filepath: str,
        master: str = "local[*]",
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._master = master

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _SparkRows(self._filepath, self._master, self.limits)


class _SparkRows(RowSource):
    """Rows of one file or of several. See `RowSource`."""

    def __init__(self, path: str, master: str, limits: Limits) -> None:
        self.path, self._master, self._limits = path, master, limits

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        """Read the rows and do some work on every batch, inside Spark."""
        from pyspark import StorageLevel

        paths = list_files(self.path, ENDINGS)
        session = self._start()
        # Spark's text is whatever bytes the file holds; as bytes nothing of it is lost.
        texts = [session.read.text(path, lineSep="\n") for path in paths.values()]
        parts = [text.rdd.getNumPartitions() for text in texts]
        lines = reduce(lambda first, second: first.union(second), texts)
        lines = lines.selectExpr("cast(value as binary) as value")
        self._check([bytes(row.value) for row in lines.take(CHECKED_LINES)], fields)
        numbered, starts = _number(lines, parts, session)
        files = dict(zip(paths, starts, strict=True))
        self.files = files if len(files) > 1 else {}
        run = partial(_run, fields=fields, work=work, files=files, limits=self._limits)
        done = numbered.mapInArrow(run, "table binary").persist(StorageLevel.DISK_ONLY)
        try:
            done.count()  # all parts at once; walking them would do one after the other
            for row in done.toLocalIterator():
                yield pl.read_ipc_stream(BytesIO(row.table))
        finally:
            done.unpersist()

    def _check(self, first: list[bytes], fields: Fields) -> None:
        if not first:
            refuse_empty(self.path)
        decoded = RowDecoder(fields).decode_lines(first)
        if decoded.encoded_otherwise:
            problem = not_encoded(self.path, "UTF-8", guess_encoding(b"\n".join(first)))
            remedy = "save the file as UTF-8, the only encoding that is read in Spark"
            raise TunelineError(replace(problem, remedy=remedy))
        check_lines(self.path, first, decoded, fields)

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


def _number(
    lines: "DataFrame", parts: list[int], session: "SparkSession"
) -> tuple["DataFrame", list[int]]:
    """Number the lines from 1, in the order of the files and of their lines.

    Args:
        lines: the lines of all files.
        parts: how many parts each file has.
        session: Spark.

    Returns:
        The lines with their number, and how many lines are before each file.
    """
    from pyspark.sql import functions

    placed = lines.withColumn("part", functions.spark_partition_id())
    counts = dict(placed.groupBy("part").count().collect())
    starts = [0, *accumulate(counts.get(part, 0) for part in range(sum(parts)))]
    table = functions.create_map(
        *(functions.lit(number) for pair in enumerate(starts) for number in pair)
    )
    within = functions.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
    numbered = placed.withColumn("line", table[functions.col("part")] + within + 1)
    numbered = numbered.select("line", "value")
    if len(counts) == 1:
        # A compressed file comes in one part, which one core would have to clean.
        wanted = 4 * session.sparkContext.defaultParallelism
        numbered = numbered.repartitionByRange(wanted, "line").sortWithinPartitions("line")
    firsts = accumulate(parts[:-1], initial=0)
    return numbered, [starts[first] for first in firsts]


def _run(
    batches: "Iterator[pa.RecordBatch]",
    fields: Fields,
    work: Work,
    files: dict[str, int],
    limits: Limits,
) -> "Iterator[pa.RecordBatch]":
    """Do the work on batches of lines, inside Spark."""
    import pyarrow as pa

    decoder, starts = RowDecoder(fields), set(files.values())
    for batch in batches:
        numbers = batch.column("line").to_pylist()
        lines = cut_long(batch.column("value").to_pylist(), limits)
        for place, number in enumerate(numbers):
            if number - 1 in starts and lines[place].startswith(codecs.BOM_UTF8):
                lines[place] = lines[place].removeprefix(codecs.BOM_UTF8)
        numbered = pl.Series(numbers, dtype=pl.Int64)
        table = decoder.tabulate(decoder.decode_lines(lines), lines, numbered)
        if len(files) > 1:
            table = table.with_columns(_name_sources(numbers, files))
        work(table).write_ipc_stream(stream := BytesIO())
        yield pa.record_batch([pa.array([stream.getvalue()], pa.binary())], names=["table"])


def _name_sources(numbers: list[int], files: dict[str, int]) -> pl.Series:
    """Say in which line of which file the lines of a source are."""
    named = list(files.items())
    places = [bisect_left(named, number, key=itemgetter(1)) - 1 for number in numbers]
    pairs = zip(numbers, (named[place] for place in places), strict=True)
    return pl.Series(SOURCE, [f"{name}:{number - before}" for number, (name, before) in pairs])

"""Raw rows as JSON lines, read by Spark's workers."""

import codecs
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl
from fsspec.utils import infer_compression

from tuneline.datasets.file_parts import PART_BYTES, Part, measure_file, read_part
from tuneline.datasets.line_splitting import split_lines
from tuneline.datasets.opening import RawFile, not_encoded
from tuneline.datasets.raw_base import EmptyFileError, RawDataset, refuse_empty
from tuneline.datasets.raw_decoding import RowDecoder, number_lines
from tuneline.datasets.raw_json import ENDINGS, check_lines, opens_document
from tuneline.datasets.source_files import list_source_files
from tuneline.errors import Problem, TunelineError
from tuneline.spark.session import Cluster
from tuneline.spark.tables import BlockWork, Place, SparkRows, number_parts, walk_rows
from tuneline.streaming import SOURCE, Fields
from tuneline.utils.limits import CutRow, Limits
from tuneline.utils.text import guess_encoding

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)

# A block on its way from the worker that decompresses a file to the one that cleans it.
# Part, number in the part, number of the first line, lines.
Block = tuple[int, int, int, list[bytes]]
BLOCK = "part int, block int, first long, text binary, cut binary"


class SparkJSONLinesDataset(RawDataset):
    """Reads files with a JSON object a line, in a cluster or on all cores of this machine.

    Every file is read once. One that is not compressed is read in parts; one that is compressed is
    decompressed by one worker, and its blocks are spread over all of them. All workers see
    `filepath`; `spark` holds Spark's own settings, `spark.master` among them.
    """

    def __init__(
        self,
        *,
        filepath: str,
        spark: dict[str, Any] | None = None,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._cluster = Cluster(spark or {})

    def load(self) -> SparkRows:  # type: ignore[override]
        """Answer with the rows, none of them read yet."""
        return _JSONLines(self._filepath, self._cluster, self.limits)


class _JSONLines(SparkRows):
    """Rows of one file or of several. See `SparkRows`."""

    def __init__(self, path: str, cluster: Cluster, limits: Limits) -> None:
        self.path, self.cluster, self._limits = path, cluster, limits
        self._names: list[str] = []
        self._parts: list[Part] = []

    def work(self, fields: Fields, work: BlockWork, schema: str) -> "DataFrame":
        """Check the first rows of each file, and give the work to Spark."""
        session = self.cluster.start()
        paths = list_source_files(self.path, ENDINGS)
        self._names, self._parts = list(paths), list(self._divide(paths, fields))
        wholes, ranges = (
            [number for number, part in enumerate(self._parts) if (part.end is None) is whole]
            for whole in (True, False)
        )
        parts, limits = self._parts, self._limits
        run = partial(_work_on, parts=parts, fields=fields, work=work, named=len(paths) > 1)
        tables = []
        if ranges:
            read = partial(_read_parts, chosen=ranges, parts=parts, limits=limits)
            numbers = number_parts(session, len(ranges))
            tables.append(numbers.mapInArrow(partial(run, read=read), schema))
        if wholes:
            pack = partial(_pack_parts, chosen=wholes, parts=parts, limits=limits)
            numbers = number_parts(session, len(wholes))
            # By its own number a block goes the same way when it is read again after a failure.
            spread = numbers.mapInArrow(pack, BLOCK).repartition("part", "block")
            read = partial(_unpack, limits=limits)
            tables.append(spread.mapInArrow(partial(run, read=read), schema))
        return reduce(lambda first, second: first.union(second), tables)

    def place(self, rows: Mapping[int, int]) -> list[Place]:
        """Say where each part begins, now that the rows of each are counted."""
        counts = [rows.get(number, 0) for number in range(len(self._parts))]
        before = list(accumulate(counts, initial=0))
        starts: dict[str, int] = {}
        for part, start in zip(self._parts, before, strict=False):
            starts.setdefault(part.name, start)
        if len(self._names) == 1:
            return [Place(None, start, start) for start in before[:-1]]
        last = 0
        self.files = files = dict[str, int]()
        for name in self._names:  # an empty file has no part
            files[name] = starts.get(name, last)
            in_file = [
                count for part, count in zip(self._parts, counts, strict=True) if part.name == name
            ]
            last = files[name] + sum(in_file)
        return [
            Place(part.name, start, start - starts[part.name])
            for part, start in zip(self._parts, before, strict=False)
        ]

    def _divide(self, paths: dict[str, str], fields: Fields) -> Iterator[Part]:
        empty: list[EmptyFileError] = []
        for name, path in paths.items():
            try:
                in_ranges = self._check(path, fields)
            except EmptyFileError as error:
                empty.append(error)
                if len(empty) == len(paths):
                    raise
                log.warning("%s: passed over: it is empty.", path)
                continue
            # A worker has a folder of its own.
            place = path if "://" in path else str(Path(path).absolute())
            size = measure_file(path) if in_ranges else 0
            if size <= PART_BYTES:
                yield Part(name, place)
                continue
            for start in range(0, size, PART_BYTES):
                yield Part(name, place, start, min(start + PART_BYTES, size))

    def _check(self, path: str, fields: Fields) -> bool:
        """Check a file's first lines; say whether it can be read in parts."""
        file = RawFile(path, limits=self._limits)
        start = next(file.chunks(), b"").removeprefix(codecs.BOM_UTF8)
        if not start.strip():
            refuse_empty(path)
        lines = next(split_lines(iter([start]), self._limits))
        decoded = RowDecoder(fields).decode_lines(lines)
        if decoded.encoded_otherwise:
            problem = not_encoded(path, "UTF-8", guess_encoding(b"\n".join(lines)))
            remedy = "save the file as UTF-8, the only encoding that is read in Spark"
            raise TunelineError(replace(problem, remedy=remedy))
        if len(lines) > 1 and opens_document(start):
            raise TunelineError(_one_document(path))
        check_lines(path, lines, decoded, fields)
        return infer_compression(path) is None and b"\r" not in start.replace(b"\r\n", b"")


def _one_document(path: str) -> Problem:
    return Problem(
        where=path,
        wrong="the file is one JSON value, not an object a line",
        matters="such a value is read as a whole, which no cluster can divide",
        remedy="save the rows as JSON lines, or clean them without --env=spark",
    )


def _read_parts(
    batches: "Iterator[pa.RecordBatch]", chosen: list[int], parts: list[Part], limits: Limits
) -> Iterator[Block]:
    for row in walk_rows(batches):
        number, first = chosen[row["id"]], 1
        for block, lines in enumerate(read_part(parts[number], limits)):
            yield number, block, first, lines
            first += len(lines)


def _pack_parts(
    batches: "Iterator[pa.RecordBatch]", chosen: list[int], parts: list[Part], limits: Limits
) -> "Iterator[pa.RecordBatch]":
    """Read blocks and pack them for Spark; of lines that are too long, say which they are."""
    import pyarrow as pa

    for number, block, first, lines in _read_parts(batches, chosen, parts, limits):
        cut = [place for place, line in enumerate(lines) if isinstance(line, CutRow)]
        columns = {
            "part": pa.array([number], pa.int32()),
            "block": pa.array([block], pa.int32()),
            "first": pa.array([first], pa.int64()),
            "text": pa.array([b"\n".join(lines)], pa.binary()),
            "cut": pa.array([orjson.dumps(cut)], pa.binary()),
        }
        yield pa.record_batch(columns)


def _unpack(batches: "Iterator[pa.RecordBatch]", limits: Limits) -> Iterator[Block]:
    for row in walk_rows(batches):
        lines = row["text"].split(b"\n")
        for place in orjson.loads(row["cut"]):
            lines[place] = CutRow(lines[place])
            lines[place].reason = limits.too_long
        yield row["part"], row["block"], row["first"], lines


def _work_on(
    batches: "Iterator[pa.RecordBatch]",
    read: Callable[["Iterator[pa.RecordBatch]"], Iterator[Block]],
    parts: list[Part],
    fields: Fields,
    work: BlockWork,
    named: bool,
) -> "Iterator[pa.RecordBatch]":
    """Do the work on blocks, inside Spark."""
    decoder = RowDecoder(fields)
    for part, block, first, lines in read(batches):
        numbers = number_lines(first, len(lines))
        table = decoder.tabulate(decoder.decode_lines(lines), lines, numbers)
        if named:  # the line of the file is known when all parts are counted
            table = table.with_columns(pl.lit(parts[part].name).alias(SOURCE))
        yield work(part, block, table)

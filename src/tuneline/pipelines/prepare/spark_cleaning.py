"""Cleaning beyond one machine: the same rules on the same batches, on Spark's workers.

Workers read the raw rows once and clean them block by block; the cleaned blocks lie in the work
folder, which all of them see, and only keys travel. A shuffle finds the rows that share a text with
another one. Those alone, a few bytes each, go in their order through the function that finds
repetitions on one machine, in one worker. Then workers write the parts of both tables. The driver
sees how many rows each block has, and counts.
"""

import logging
import shutil
from collections.abc import Callable, Iterator
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tuneline.parameters import Data
from tuneline.pipelines.prepare.cleaning import (
    SeenKeys,
    clean_batch,
    find_repeated_keys,
    hash_kept,
    mark_repetitions,
)
from tuneline.pipelines.prepare.cleaning_report import CleaningReport
from tuneline.pipelines.prepare.masking import Placeholders, list_placeholders
from tuneline.spark.session import name_failures
from tuneline.spark.tables import Place, SparkRows, walk_rows
from tuneline.streaming import SOURCE, list_fields
from tuneline.utils.files import replace_by_name

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)

# Writes the clean and the rejected rows of a batch as CSV; the header before batch 0.
Encode = Callable[[tuple[int, pl.DataFrame]], tuple[bytes, bytes]]
# Rows of a block, in the source or in the output: what places it, and what became of its rows.
BLOCK = "part int, block int, rows long, kept binary, keys binary, placeholders array<string>"
ROW = ["part", "block", "row"]
# What was found in a block that belongs to one part of the output: a row that repeats the text of a
# column (its place in `unique`), the name of a placeholder, or nothing but that the block is there.
FOUND = "number int, part int, block int, row int, column int, placeholder string, name string"
# Blocks of eight megabytes in a part of the output.
BLOCKS_PER_PART = 16


def clean_in_spark(
    raw: SparkRows, data: Data, folder: Path, encode: Encode
) -> tuple[Path, Path, dict[str, Any]]:
    """Apply the cleaning rules to every row, on the workers.

    Args:
        raw: the rows, of which nothing is read yet.
        data: what is read of them, and the rules.
        folder: the work folder, which all workers see.
        encode: writes both kinds of rows of a batch.

    Returns:
        Folders with the clean and the rejected rows, `part-00000.csv` and so on, and the report.

    Raises:
        TunelineError: if the raw rows cannot be read, or Spark fails.
    """
    folder = folder.absolute()
    for name in ("blocks", "clean", "rejected"):
        shutil.rmtree(folder / name, ignore_errors=True)  # of a run that was stopped
        (folder / name).mkdir(parents=True)
    try:
        with name_failures():
            return _clean(raw, data, folder, encode)
    finally:
        shutil.rmtree(folder / "blocks", ignore_errors=True)


def _clean(
    raw: SparkRows, data: Data, folder: Path, encode: Encode
) -> tuple[Path, Path, dict[str, Any]]:
    from pyspark import StorageLevel

    session = raw.cluster.start()
    work = partial(_clean_block, data=data, folder=folder / "blocks")
    cleaned = raw.work(list_fields(data), work, BLOCK).persist(StorageLevel.DISK_ONLY)
    try:
        counts = sorted(tuple(row) for row in cleaned.select("part", "block", "rows").collect())
        rows: dict[int, int] = {}
        for part, _, count in counts:
            rows[part] = rows.get(part, 0) + count
        log.info("Cleaned: %s rows in %s blocks.", f"{sum(rows.values()):,}", f"{len(counts):,}")
        numbers = {
            (part, block): at // BLOCKS_PER_PART for at, (part, block, _) in enumerate(counts)
        }
        found = _gather(session, cleaned, numbers, data)
        write = partial(
            _write_parts, places=raw.place(rows), data=data, folder=folder, encode=encode
        )
        reports = found.mapInArrow(write, "number int, report binary").collect()
    finally:
        cleaned.unpersist()
    report = reduce(_merge, _load_reports(reports), CleaningReport(data))
    return folder / "clean", folder / "rejected", report.describe(raw)


def _merge(first: CleaningReport, later: CleaningReport) -> CleaningReport:
    first.merge(later)
    return first


def _load_reports(reports: list[Any]) -> Iterator[CleaningReport]:
    from pyspark.serializers import CPickleSerializer

    for _, report in sorted(reports):
        yield CPickleSerializer().loads(bytes(report))


def _clean_block(
    part: int, block: int, table: pl.DataFrame, data: Data, folder: Path
) -> "pa.RecordBatch":
    """Clean a block, put it into the work folder, and give the keys of its rows."""
    import pyarrow as pa

    judged = clean_batch(table, data)
    with replace_by_name(_name_block(folder, part, block)) as path:
        judged.write_ipc(path, compression="lz4")
    kept, keys = hash_kept(judged, data.rules.unique)
    masked = data.rules.mask_personal_data
    held = list(list_placeholders(judged, data.columns)) if masked else []
    columns = {
        "part": pa.array([part], pa.int32()),
        "block": pa.array([block], pa.int32()),
        "rows": pa.array([judged.height], pa.int64()),
        "kept": pa.array([kept.to_numpy().astype(np.int64).tobytes()], pa.binary()),
        "keys": pa.array([b"".join(one.tobytes() for one in keys.values())], pa.binary()),
        "placeholders": pa.array([held], pa.list_(pa.string())),
    }
    return pa.record_batch(columns)


def _name_block(folder: Path, part: int, block: int) -> Path:
    return folder / f"{part:06}-{block:06}.arrow"


def _gather(
    session: "SparkSession", cleaned: "DataFrame", numbers: dict[tuple[int, int], int], data: Data
) -> "DataFrame":
    """Bring together what each part of the output has: its blocks, and what was found in them."""
    blocks = [(number, *place, None, None, None, None) for place, number in numbers.items()]
    tables = [session.createDataFrame(blocks, FOUND)]
    if data.rules.unique:
        tables.append(_find_repeated(cleaned, data.rules.unique, numbers))
    if data.rules.mask_personal_data:
        tables.append(_name_placeholders(cleaned, numbers))
    outputs = 1 + max(numbers.values())
    return reduce(lambda one, other: one.union(other), tables).repartition(outputs, "number")


def _find_repeated(
    cleaned: "DataFrame", columns: list[str], numbers: dict[tuple[int, int], int]
) -> "DataFrame":
    """Find the rows that repeat a text, and in which column."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    names = [f"key_{place}" for place in range(len(columns))]
    schema = "part int, block int, row int, at int, key long, " + ", ".join(
        f"{name} long" for name in names
    )
    unpack = partial(_unpack_keys, columns=len(columns))
    texts = cleaned.select("part", "block", "kept", "keys").mapInArrow(unpack, schema)
    alike = f.count("*").over(Window.partitionBy("at", "key"))
    sharing = texts.withColumn("alike", alike).where("alike > 1").select(*ROW, *names)
    ordered = sharing.repartition(1).sortWithinPartitions(*ROW)
    return ordered.mapInArrow(partial(_find_in_order, names=names, numbers=numbers), FOUND)


def _unpack_keys(batches: "Iterator[pa.RecordBatch]", columns: int) -> "Iterator[pa.RecordBatch]":
    """Give a row for each text that must not repeat: the hash, and those of its row's others."""
    import pyarrow as pa

    for row in walk_rows(batches):
        kept = np.frombuffer(row["kept"], np.int64).astype(np.int32)
        keys = np.frombuffer(row["keys"], np.int64).reshape(columns, -1)
        fixed = {name: np.full(len(kept), row[name], np.int32) for name in ("part", "block")}
        others = {f"key_{place}": one for place, one in enumerate(keys)}
        for at, key in enumerate(keys):
            about = {"row": kept, "at": np.full(len(kept), at, np.int32), "key": key}
            yield pa.record_batch({k: pa.array(v) for k, v in (fixed | about | others).items()})


def _find_in_order(
    batches: "Iterator[pa.RecordBatch]", names: list[str], numbers: dict[tuple[int, int], int]
) -> "Iterator[pa.RecordBatch]":
    """Find repetitions among rows in their order, as on one machine."""
    seen = {name: SeenKeys() for name in names}
    last = (-1, -1, -1)
    for batch in batches:
        # A row is here once for each text that it shares.
        rows = pl.DataFrame(pl.from_arrow(batch)).unique(ROW, keep="first", maintain_order=True)
        rows = rows.slice(int(rows.height > 0 and rows.select(ROW).row(0) == last))
        if rows.is_empty():
            continue
        last = rows.select(ROW).row(-1)
        keys = {name: rows[name].to_numpy().view(np.uint64) for name in names}
        repeats = find_repeated_keys(keys, seen)
        for place, name in enumerate(names):
            found = rows.filter(pl.Series(repeats[name])).with_columns(column=pl.lit(place))
            yield _tell(found, numbers)


def _tell(found: pl.DataFrame, numbers: dict[tuple[int, int], int]) -> "pa.RecordBatch":
    """Say in which part of the output it is what was found."""
    import pyarrow as pa

    places = zip(found["part"], found["block"], strict=True)
    told = found.with_columns(pl.Series("number", [numbers[one] for one in places], pl.Int32))
    kinds = {"int": pa.int32(), "string": pa.string()}
    arrays = {}
    for name, kind in (one.split() for one in FOUND.split(", ")):
        values = told[name].to_list() if name in told.columns else [None] * told.height
        arrays[name] = pa.array(values, kinds[kind])
    return pa.record_batch(arrays)


def _name_placeholders(cleaned: "DataFrame", numbers: dict[tuple[int, int], int]) -> "DataFrame":
    """Number the placeholders in the order in which they come."""
    from pyspark.sql import functions as f

    held = cleaned.select("part", "block", f.posexplode("placeholders").alias("at", "placeholder"))
    first = held.groupBy("placeholder").agg(f.min(f.struct("part", "block", "at")).alias("first"))
    ordered = first.repartition(1).sortWithinPartitions("first").select("placeholder")
    named = ordered.mapInArrow(_name_in_order, "placeholder string, name string")
    found = held.join(named, "placeholder").select("part", "block", "placeholder", "name")
    return found.mapInArrow(partial(_tell_batches, numbers=numbers), FOUND)


def _tell_batches(
    batches: "Iterator[pa.RecordBatch]", numbers: dict[tuple[int, int], int]
) -> "Iterator[pa.RecordBatch]":
    for batch in batches:
        yield _tell(pl.DataFrame(pl.from_arrow(batch)), numbers)


def _name_in_order(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    placeholders = Placeholders()
    for batch in batches:
        found = batch.column("placeholder").to_pylist()
        names = [placeholders.name(one) for one in found]
        yield pa.record_batch({"placeholder": found, "name": names})


def _write_parts(
    batches: "Iterator[pa.RecordBatch]",
    places: list[Place],
    data: Data,
    folder: Path,
    encode: Encode,
) -> "Iterator[pa.RecordBatch]":
    """Write parts of both tables, and give the report on each."""
    import pyarrow as pa
    from pyspark.serializers import CPickleSerializer

    tables = [pl.DataFrame(pl.from_arrow(batch)) for batch in batches]
    if not tables:
        return
    found = pl.concat(tables).sort("number", "part", "block")
    for (number,), blocks in found.group_by("number", maintain_order=True):
        report = CleaningReport(data)
        name = f"part-{number:05}.csv"
        with (
            replace_by_name(folder / "clean" / name) as clean,
            replace_by_name(folder / "rejected" / name) as rejected,
            clean.open("wb") as clean_file,
            rejected.open("wb") as rejected_file,
        ):
            every = blocks.group_by("part", "block", maintain_order=True)
            for at, ((part, block), rows) in enumerate(every):
                table = pl.read_ipc(_name_block(folder / "blocks", part, block))
                judged = _judge(table, rows, places[part], data)
                report.add(judged)
                kept, dropped = encode((at, judged))
                clean_file.write(kept)
                rejected_file.write(dropped)
        packed = CPickleSerializer().dumps(report)
        yield pa.record_batch(
            {"number": pa.array([number], pa.int32()), "report": pa.array([packed], pa.binary())}
        )


def _judge(table: pl.DataFrame, found: pl.DataFrame, place: Place, data: Data) -> pl.DataFrame:
    """Add to a cleaned block what is known of its rows now that all are read."""
    if place.name is not None:
        source = pl.format("{}:{}", pl.lit(place.name), pl.col("line") + place.before_in_file)
        table = table.with_columns(source.alias(SOURCE))
    every = pl.int_range(table.height, dtype=pl.UInt32, eager=True)
    repeats = {}
    for at, name in enumerate(data.rules.unique):
        repeats[name] = np.zeros(table.height, dtype=bool)
        repeats[name][found.filter(column=at)["row"].to_numpy()] = True
    judged = mark_repetitions(table, every, repeats)
    names = dict(found.select("placeholder", "name").drop_nulls().iter_rows())
    judged = Placeholders(names).number(judged, data.columns) if names else judged
    return judged.with_columns(pl.col("line") + place.before)

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
        blocks = [(part, block) for part, block, _ in counts]
        parts = _place_blocks(session, cleaned, blocks, data)
        write = partial(
            _write_parts, places=raw.place(rows), data=data, folder=folder, encode=encode
        )
        reports = parts.mapInArrow(write, "number int, report binary").collect()
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


def _place_blocks(
    session: "SparkSession", cleaned: "DataFrame", blocks: list[tuple[int, int]], data: Data
) -> "DataFrame":
    """Say for each part of the output which blocks it has, and what repeats in them."""
    from pyspark.sql import functions as f

    numbered = [(*one, at // BLOCKS_PER_PART) for at, one in enumerate(blocks)]
    placed = session.createDataFrame(numbered, "part int, block int, number int")
    found = {"repeated": "array<struct<row: int, column: int>>"}
    found |= {"names": "array<struct<placeholder: string, name: string>>"}
    tables = {}
    if data.rules.unique:
        tables["repeated"] = _find_repeated(cleaned, data.rules.unique)
    if data.rules.mask_personal_data:
        tables["names"] = _name_placeholders(cleaned)
    for name, kind in found.items():
        if name not in tables:
            placed = placed.withColumn(name, f.lit(None).cast(kind))
            continue
        values = [one for one in tables[name].columns if one not in ("part", "block")]
        packed = (
            tables[name].groupBy("part", "block").agg(f.collect_list(f.struct(*values)).alias(name))
        )
        placed = placed.join(packed, ["part", "block"], "left")
    outputs = 1 + (len(blocks) - 1) // BLOCKS_PER_PART
    return placed.repartition(outputs, "number").sortWithinPartitions("part", "block")


def _find_repeated(cleaned: "DataFrame", columns: list[str]) -> "DataFrame":
    """Find the rows that repeat a text: `part`, `block`, `row`, and the `column`'s place."""
    from pyspark.sql import functions as f

    names = [f"key_{place}" for place in range(len(columns))]
    schema = "part int, block int, row int, " + ", ".join(f"{name} long" for name in names)
    packed = cleaned.select("part", "block", "kept", "keys")
    rows = packed.mapInArrow(partial(_unpack_keys, columns=len(columns)), schema)
    pairs = [
        f.struct(f.lit(at).alias("at"), f.col(name).alias("key")) for at, name in enumerate(names)
    ]
    texts = rows.select(*ROW, f.explode(f.array(*pairs)).alias("text"))
    shared = texts.groupBy("text").count().where("count > 1").select("text")
    sharing = texts.join(shared, "text", "left_semi").select(*ROW).distinct()
    ordered = rows.join(sharing, ROW, "left_semi").repartition(1).sortWithinPartitions(*ROW)
    find = partial(_find_in_order, names=names)
    return ordered.mapInArrow(find, "part int, block int, row int, column int")


def _unpack_keys(batches: "Iterator[pa.RecordBatch]", columns: int) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for row in walk_rows(batches):
        kept = np.frombuffer(row["kept"], np.int64).astype(np.int32)
        keys = np.frombuffer(row["keys"], np.int64).reshape(columns, -1)
        about = {
            "part": pa.array(np.full(len(kept), row["part"], np.int32)),
            "block": pa.array(np.full(len(kept), row["block"], np.int32)),
            "row": pa.array(kept),
        }
        yield pa.record_batch(
            about | {f"key_{place}": pa.array(one) for place, one in enumerate(keys)}
        )


def _find_in_order(
    batches: "Iterator[pa.RecordBatch]", names: list[str]
) -> "Iterator[pa.RecordBatch]":
    """Find repetitions among rows in their order, as on one machine."""
    import pyarrow as pa

    seen = {name: SeenKeys() for name in names}
    for batch in batches:
        keys = {name: batch.column(name).to_numpy().view(np.uint64) for name in names}
        repeats = find_repeated_keys(keys, seen)
        for place, name in enumerate(names):
            found = np.flatnonzero(repeats[name])
            yield pa.record_batch(
                {one: batch.column(one).take(pa.array(found)) for one in ROW}
                | {"column": pa.array(np.full(len(found), place, np.int32))}
            )


def _name_placeholders(cleaned: "DataFrame") -> "DataFrame":
    """Number the placeholders in the order in which they come: `part`, `block`, and both names."""
    from pyspark.sql import functions as f

    held = cleaned.select("part", "block", f.posexplode("placeholders").alias("at", "placeholder"))
    first = held.groupBy("placeholder").agg(f.min(f.struct("part", "block", "at")).alias("first"))
    ordered = first.repartition(1).sortWithinPartitions("first").select("placeholder")
    named = ordered.mapInArrow(_name_in_order, "placeholder string, name string")
    return held.join(named, "placeholder").select("part", "block", "placeholder", "name")


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

    waiting = sorted(walk_rows(batches), key=lambda row: (row["part"], row["block"]))
    numbers = dict.fromkeys(row["number"] for row in waiting)
    for number in numbers:
        blocks = [row for row in waiting if row["number"] == number]
        report = CleaningReport(data)
        name = f"part-{number:05}.csv"
        with (
            replace_by_name(folder / "clean" / name) as clean,
            replace_by_name(folder / "rejected" / name) as rejected,
            clean.open("wb") as clean_file,
            rejected.open("wb") as rejected_file,
        ):
            for at, row in enumerate(blocks):
                judged = _judge(row, places[row["part"]], data, folder / "blocks")
                report.add(judged)
                kept, dropped = encode((at, judged))
                clean_file.write(kept)
                rejected_file.write(dropped)
        packed = CPickleSerializer().dumps(report)
        yield pa.record_batch(
            {"number": pa.array([number], pa.int32()), "report": pa.array([packed], pa.binary())}
        )


def _judge(row: dict[str, Any], place: Place, data: Data, folder: Path) -> pl.DataFrame:
    """Read a cleaned block, with what is known of its rows now that all are read."""
    table = pl.read_ipc(_name_block(folder, row["part"], row["block"]))
    if place.name is not None:
        source = pl.format("{}:{}", pl.lit(place.name), pl.col("line") + place.before_in_file)
        table = table.with_columns(source.alias(SOURCE))
    table = table.with_columns(pl.col("line") + place.before)
    table = _mark(table, row["repeated"] or [], data.rules.unique)
    if not row["names"]:
        return table
    names = {one["placeholder"]: one["name"] for one in row["names"]}
    return Placeholders(names).number(table, data.columns)


def _mark(table: pl.DataFrame, repeated: list[dict[str, int]], columns: list[str]) -> pl.DataFrame:
    if not repeated:
        return table
    every = pl.int_range(table.height, dtype=pl.UInt32, eager=True)
    repeats = {name: np.zeros(table.height, dtype=bool) for name in columns}
    for one in repeated:
        repeats[columns[one["column"]]][one["row"]] = True
    return mark_repetitions(table, every, repeats)

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
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.cleaning_report import CleaningReport
from tuneline.pipelines.prepare.masking import Placeholders, list_placeholders
from tuneline.pipelines.prepare.repetitions import hash_kept, mark_repetitions
from tuneline.pipelines.prepare.spark_keys import FOUND, find_repeated, name_placeholders
from tuneline.spark.session import name_failures
from tuneline.spark.tables import Place, SparkRows
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
# Blocks of eight megabytes in a part of the output.
BLOCKS_PER_PART = 16


def clean_in_spark(
    raw: SparkRows, data: Data, folder: Path, encode: Encode
) -> tuple[Path, Path, dict[str, Any]]:
    """Apply the cleaning rules to every row, on the workers.

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
    session = raw.cluster.start()  # which says what is missing, before anything of it is imported
    from pyspark import StorageLevel

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
        tables.append(find_repeated(cleaned, data.rules.unique, numbers))
    if data.rules.mask_personal_data:
        tables.append(name_placeholders(cleaned, numbers))
    outputs = 1 + max(numbers.values())
    return reduce(lambda one, other: one.union(other), tables).repartition(outputs, "number")


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

"""Sampling and splitting beyond one machine: the workers narrow, the plain functions decide.

Groups are sampled and divided in the order of a seeded hash, so rows whose hash is high are in no
sample. Workers give only the keys of rows below a bound, some more than are wanted, and of the
categories their sizes; on these `assign_splits` decides what it would decide on all rows. Then the
workers write the rows of the sample.
"""

import logging
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.shares import share_out
from tuneline.pipelines.prepare.splitting import (
    assign_splits,
    hash_groups,
    order_rows,
    sort_splits,
    take_rows,
)
from tuneline.spark.session import name_failures
from tuneline.spark.tables import (
    ROWS_PER_PART,
    SparkSample,
    SparkTable,
    collect_parts,
    map_parts,
    number_parts,
    pack_table,
    scan_parts,
    unpack_table,
    walk_rows,
)
from tuneline.streaming import LINE
from tuneline.utils.files import replace_by_name

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

HASHES = 1 << 64
# How many more rows are looked at than the sample has; the first bound is seldom too low.
MORE, SOME = 1.1, 1000
# All later stages hold the examples in memory.
MOST_ROWS = 3_000_000
# Folder of the sample, next to that of the clean rows.
SAMPLE = "sample"


def split_in_spark(clean: SparkTable, data: Data) -> SparkSample:
    """Sample the rows and divide them into parts next to theirs; the driver sees their keys alone.

    Raises:
        TunelineError: as `assign_splits` does; if the sample is too large for the later stages.
    """
    with name_failures():
        session = clean.cluster.start()
        total = int(collect_parts(session, clean, _count_rows)["rows"].sum())
        wanted = min(data.split.sample or total, total)
        if wanted > MOST_ROWS:
            raise TunelineError(_too_many("data.split.sample", data.split.sample, wanted))
        pinned = _find_pinned(session, clean, data)
        counts = _count_categories(session, clean, data, pinned) if data.category else None
        rows = _find_first(session, clean, data, pinned, wanted, total, counts)
        splits = assign_splits(rows.lazy(), data, counts=counts)
        return _write_sample(session, clean, splits, data)


def refuse_start(start_from: str | None) -> None:
    """Refuse what needs all rows at once: finding those that an adapter has seen.

    Raises:
        TunelineError: if an adapter is to be trained further.
    """
    if start_from:
        raise TunelineError(
            Problem(
                where="recipe.start_from",
                value=start_from,
                wrong="rows that this adapter has seen are not looked for in Spark",
                matters="they could be in the test split, and the report would praise memory",
                remedy="prepare on one machine, without `--env=spark`",
            )
        )


def _count_rows(path: Path) -> pl.DataFrame:
    return scan_parts([path]).select(rows=pl.len()).collect()


def _find_first(
    session: "SparkSession",
    clean: SparkTable,
    data: Data,
    pinned: set[str],
    wanted: int,
    total: int,
    counts: dict[str, int] | None,
) -> pl.DataFrame:
    """Read enough of the rows that come first in the seeded order, and those that are pinned."""
    share = (MORE * wanted + SOME) / max(total, 1)
    while True:
        bound = None if share >= 1 else int(share * HASHES)
        if share * total > MOST_ROWS * MORE:
            raise TunelineError(_too_many("data.category", data.category, round(share * total)))
        take = partial(_take_first, data=data, pinned=pinned, bound=bound)
        rows = collect_parts(session, clean, take)
        if bound is None or _is_enough(rows, data, pinned, wanted, counts):
            return rows
        share *= 2


def _is_enough(
    rows: pl.DataFrame, data: Data, pinned: set[str], wanted: int, counts: dict[str, int] | None
) -> bool:
    if counts is None:
        return rows.height >= wanted
    ordered = order_rows(rows.lazy(), data)
    free = ordered.filter(~pl.col("group").is_in(list(pinned)))
    there = dict(free["category"].value_counts().iter_rows())
    quotas = share_out(counts, wanted - ordered.height + free.height)
    return all(there.get(name, 0) >= quota for name, quota in quotas.items())


def _take_first(path: Path, data: Data, pinned: set[str], bound: int | None) -> pl.DataFrame:
    names = dict.fromkeys([LINE, data.id, data.split.group or data.id, data.category or data.id])
    part = scan_parts([path])
    hashed = hash_groups(part, data).select(pl.col("order"), group_="group")
    rows = pl.concat([part.select(*names).collect(), hashed], how="horizontal")
    if bound is not None:
        rows = rows.filter((pl.col("order") < bound) | pl.col("group_").is_in(list(pinned)))
    return rows.drop("order", "group_")


def _find_pinned(session: "SparkSession", clean: SparkTable, data: Data) -> set[str]:
    """Find the groups of the rows that the configuration names."""
    ids = [one for _, some in data.split.pinned for one in some]
    if not ids:
        return set()
    return set(collect_parts(session, clean, partial(_take_named, data=data, ids=ids))["group"])


def _take_named(path: Path, data: Data, ids: list[str]) -> pl.DataFrame:
    named = scan_parts([path]).filter(pl.col(data.id).is_in(ids))
    return hash_groups(named, data).select("group")


def _count_categories(
    session: "SparkSession", clean: SparkTable, data: Data, pinned: set[str]
) -> dict[str, int]:
    """Count the rows of each category that are to be drawn; a group is of that of most rows."""
    from pyspark.sql import functions as f

    rows = map_parts(session, clean, partial(_count_pairs, data=data, pinned=pinned))
    table = rows.mapInArrow(_open_tables, "group string, category string, rows long")
    pairs = table.groupBy("group", "category").agg(f.sum("rows").alias("rows"))
    first = f.min(f.struct((-f.col("rows")).alias("less"), "category")).alias("first")
    groups = pairs.groupBy("group").agg(first, f.sum("rows").alias("rows"))
    counted = groups.groupBy("first.category").agg(f.sum("rows").alias("rows")).collect()
    return {row.category: row.rows for row in sorted(counted)}


def _count_pairs(path: Path, data: Data, pinned: set[str]) -> pl.DataFrame:
    rows = hash_groups(scan_parts([path]), data)
    free = rows.filter(~pl.col("group").is_in(list(pinned)))
    return free.group_by("group", "category").agg(pl.len().cast(pl.Int64).alias("rows"))


def _write_sample(
    session: "SparkSession", clean: SparkTable, splits: pl.DataFrame, data: Data
) -> SparkSample:
    """Let the workers write the rows of the sample in their order."""
    folder = clean.folder.absolute().with_name(SAMPLE)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    order = sort_splits(splits).with_row_index("place").drop("position")
    order = order.with_columns(number=(pl.col("place") // ROWS_PER_PART).cast(pl.Int32))
    order.write_ipc(folder / "order.arrow")
    find = partial(_find_rows, parts=[one.absolute() for one in clean.parts], data=data)
    found = number_parts(session, len(clean.parts)).mapInArrow(
        partial(find, order=folder / "order.arrow"), "number int, table binary"
    )
    ordered = found.repartition(order["number"].n_unique(), "number").sortWithinPartitions("number")
    ordered.mapInArrow(partial(_write_parts, folder=folder), "number int").collect()
    return SparkSample(folder, clean.cluster)


def _find_rows(
    batches: "Iterator[pa.RecordBatch]", parts: list[Path], order: Path, data: Data
) -> "Iterator[pa.RecordBatch]":
    """Give of each part of the clean rows those of the sample, by the part that they go to."""
    import pyarrow as pa

    places = pl.read_ipc(order)
    for number in walk_rows(batches):
        for rows in take_rows(scan_parts([parts[number["id"]]]), places, data):
            for (part,), some in rows.group_by("number"):
                table = pa.array([pack_table(some.drop("number"))], pa.binary())
                yield pa.record_batch({"number": pa.array([part], pa.int32()), "table": table})


def _write_parts(batches: "Iterator[pa.RecordBatch]", folder: Path) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    for part, rows in groupby(walk_rows(batches), key=itemgetter("number")):
        table = pl.concat(unpack_table(row["table"]) for row in rows)
        with replace_by_name(folder / f"part-{part:05}.arrow") as path:
            table.sort("place").drop("place").write_ipc(path)
        yield pa.record_batch({"number": pa.array([part], pa.int32())})


def _open_tables(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    for row in walk_rows(batches):
        yield from unpack_table(row["table"]).to_arrow().to_batches()


def _too_many(where: str, value: Any, rows: int) -> Problem:
    return Problem(
        where=where,
        value="null" if value is None else value,
        wrong=f"{rows:,} rows would be drawn from, or become examples",
        matters=f"plan, train and evaluate hold all examples in memory: {MOST_ROWS:,} at most",
        remedy="set `data.split.sample` to fewer rows"
        if where == "data.split.sample"
        else "name a column whose categories are larger, or set `category: null`",
    )

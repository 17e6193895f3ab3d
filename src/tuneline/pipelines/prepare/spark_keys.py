"""What is known of a row only next to the others: repetitions, and the numbers of placeholders.

Keys travel, not texts. A shuffle narrows, and one worker goes in order through what is left, with
the functions that do so on one machine.
"""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tuneline.pipelines.prepare.masking import Placeholders
from tuneline.pipelines.prepare.repetitions import SeenKeys, find_repeated_keys
from tuneline.spark.tables import walk_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

ROW = ["part", "block", "row"]
# What was found in a block that belongs to one part of the output: a row that repeats the text of a
# column (its place in `unique`), the name of a placeholder, or nothing but that the block is there.
FOUND = "number int, part int, block int, row int, column int, placeholder string, name string"


def find_repeated(
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


def name_placeholders(cleaned: "DataFrame", numbers: dict[tuple[int, int], int]) -> "DataFrame":
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

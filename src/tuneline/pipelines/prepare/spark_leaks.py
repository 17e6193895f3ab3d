"""Near-duplicates beyond one machine: signed, paired and confirmed on Spark's workers.

Workers bring the rows into the forms that are compared, which stay in files that all of them see,
and sign them. A shuffle puts each band of all signatures into one place, another one each pair of
candidates, and workers look at their texts. All of it is done by the functions of one machine. The
driver sees of a row its split, the hashes of its forms and which rows it is like.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tuneline.parameters import Data, Leaks, Prompt
from tuneline.pipelines.prepare.conversations import outline_conversations
from tuneline.pipelines.prepare.forms import make_forms
from tuneline.pipelines.prepare.near_duplicates import (
    NEAR,
    Numbers,
    choose_long,
    choose_roles,
    confirm_pairs,
    list_comparisons,
    pair_band,
    sign_texts,
)
from tuneline.spark.session import name_failures
from tuneline.spark.tables import SparkSample, collect_parts, number_parts, walk_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

FORMS = "forms"
BAND = "compared int, band int, part int, places binary, numbers binary"
PAIR = "compared int, earlier long, later long"
# Later rows whose pairs are confirmed one after the other.
ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Search:
    """What all workers know: where the forms and their parts begin, and what is compared."""

    folder: Path
    begins: list[int]
    comparisons: list[tuple[str, float]]
    leaks: Leaks


def find_near_in_spark(
    sample: SparkSample, data: Data, prompt: Prompt, questions: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find the rows that are nearly the same as another one.

    Returns:
        What `make_forms` gives, but `example`, with hashes for the texts: two of three million
        share one with a probability of about 1 in 10^7; and what `find_near` gives.
    """
    folder = sample.folder.absolute() / FORMS
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was stopped
    folder.mkdir()
    try:
        with name_failures():
            session = sample.cluster.start()
            write = partial(_write_forms, folder=folder, data=data, prompt=prompt)
            forms = [collect_parts(session, sample, write)]
            sizes = [pl.scan_ipc(path).select(pl.len()).collect().item() for path in sample.parts]
            if questions:
                nothing = outline_conversations(sample.scan().head(0).collect(), data)
                asked = make_forms(nothing, questions, prompt)
                forms.append(_keep_forms(asked, folder, len(sizes)))
                sizes.append(asked.height)
            keys = pl.concat(forms).with_row_index("row").cast({"row": pl.Int64})
            begins = list(accumulate(sizes, initial=0))[:-1]
            compared = list(list_comparisons(bool(questions), data.leaks))
            return keys, _find_near(session, keys, Search(folder, begins, compared, data.leaks))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_forms(path: Path, folder: Path, data: Data, prompt: Prompt) -> pl.DataFrame:
    rows = outline_conversations(pl.read_ipc(path), data)
    return _keep_forms(make_forms(rows, [], prompt), folder, int(path.stem.removeprefix("part-")))


def _keep_forms(forms: pl.DataFrame, folder: Path, part: int) -> pl.DataFrame:
    """Write the forms of a part where all workers see them, and give what the driver needs."""
    placed = forms.with_columns(place=pl.int_range(pl.len(), dtype=pl.UInt32))
    placed.drop("row").write_ipc(_name_forms(folder, part))
    hashes = [_hash_texts(name) for name in ("prompt", "completion")]
    return forms.select("split", "group", *hashes, "words")


def _name_forms(folder: Path, part: int) -> Path:
    return folder / f"{part:05}.arrow"


def _hash_texts(name: str) -> pl.Expr:
    """Hash texts to texts; an empty one stays empty, and none stays none."""
    text = pl.col(name)
    hashed = pl.when(text != "").then(text.hash().cast(pl.String)).otherwise(pl.lit(""))
    return pl.when(text.is_not_null()).then(hashed).alias(name)


def _find_near(session: "SparkSession", keys: pl.DataFrame, search: Search) -> pl.DataFrame:
    roles = {
        f"{role}_{compared}": marks
        for compared, _ in search.comparisons
        for role, marks in zip(("held", "learned"), choose_roles(keys, compared), strict=True)
    }
    pl.DataFrame(roles).write_ipc(search.folder / "roles.arrow")
    parts = number_parts(session, len(search.begins))
    bands = parts.mapInArrow(partial(_sign_parts, search=search), BAND)
    together = bands.repartition("compared", "band").sortWithinPartitions("compared", "band")
    pairs = together.mapInArrow(partial(_pair_rows, search=search), PAIR)
    confirm = partial(_confirm, search=search)
    found = _gather_pairs(pairs).mapInArrow(confirm, f"{PAIR}, similarity double").collect()
    rows = [(search.comparisons[row.compared][0], *row[1:]) for row in found]
    return pl.DataFrame(rows, NEAR, orient="row")


def _gather_pairs(pairs: "DataFrame") -> "DataFrame":
    """Put equal pairs next to each other, and the pairs of neighboring rows."""
    from pyspark.sql import functions as f

    block = f.floor(f.col("later") / ROWS_AT_ONCE)
    together = pairs.repartition("compared", block)
    return together.sortWithinPartitions("compared", "later", "earlier")


def _sign_parts(batches: "Iterator[pa.RecordBatch]", search: Search) -> "Iterator[pa.RecordBatch]":
    """Sign the forms of a part: a row for each band, with places in the part and numbers."""
    import pyarrow as pa

    for row in walk_rows(batches):
        forms = pl.read_ipc(_name_forms(search.folder, row["id"]))
        for which, (compared, threshold) in enumerate(search.comparisons):
            texts = choose_long(forms, compared, threshold, search.leaks)
            places = texts["place"].to_numpy().tobytes()
            for band, numbers in enumerate(sign_texts(texts[compared], threshold).T):
                fixed = {"compared": which, "band": band, "part": row["id"]}
                yield pa.record_batch(
                    {name: pa.array([value], pa.int32()) for name, value in fixed.items()}
                    | {
                        "places": pa.array([places], pa.binary()),
                        "numbers": pa.array([numbers.tobytes()], pa.binary()),
                    }
                )


def _pair_rows(batches: "Iterator[pa.RecordBatch]", search: Search) -> "Iterator[pa.RecordBatch]":
    """Pair the rows that are equal in a band, one band after the other."""
    import pyarrow as pa

    for (which, _), parts in groupby(walk_rows(batches), key=itemgetter("compared", "band")):
        told = sorted(parts, key=itemgetter("part"))
        rows = np.concatenate(
            [search.begins[one["part"]] + np.frombuffer(one["places"], np.uint32) for one in told]
        ).astype(np.int64)
        band = np.concatenate([np.frombuffer(one["numbers"], np.uint32) for one in told])
        held, learned = _read_roles(search, which, rows)
        for earlier, later in pair_band(band, held, learned):
            yield pa.record_batch(
                {
                    "compared": np.full(len(earlier), which, np.int32),
                    "earlier": rows[earlier],
                    "later": rows[later],
                }
            )


def _read_roles(search: Search, which: int, rows: Numbers) -> tuple[Numbers, Numbers]:
    compared = search.comparisons[which][0]
    names = [f"held_{compared}", f"learned_{compared}"]
    roles = pl.read_ipc(search.folder / "roles.arrow", columns=names)[rows]
    return roles[names[0]].to_numpy(), roles[names[1]].to_numpy()


def _confirm(batches: "Iterator[pa.RecordBatch]", search: Search) -> "Iterator[pa.RecordBatch]":
    """Look at the texts of candidates, each pair once."""
    import pyarrow as pa

    last = (-1, -1, -1)
    for batch in batches:
        pairs = pl.DataFrame(pl.from_arrow(batch)).unique(maintain_order=True)
        pairs = pairs.slice(int(pairs.height > 0 and pairs.row(0) == last))
        last = pairs.row(-1) if pairs.height else last
        for (which,), some in pairs.group_by("compared", maintain_order=True):
            compared = search.comparisons[int(str(which))][0]
            rows = np.unique(np.concatenate([some["earlier"], some["later"]]))
            forms = _read_forms(search, rows)
            earlier, later = (
                np.searchsorted(rows, some[name].to_numpy()) for name in ("earlier", "later")
            )
            for found in confirm_pairs(forms, earlier, later, compared, search.leaks):
                kind = np.full(found.height, which, np.int32)
                others = {name: found[name].to_numpy() for name in list(NEAR)[1:]}
                yield pa.record_batch({"compared": kind, **others})


def _read_forms(search: Search, rows: Numbers) -> pl.DataFrame:
    """Read the forms of some rows, in order, from the files that have them, and no others."""
    import pyarrow as pa

    parts = np.searchsorted(search.begins, rows, side="right") - 1
    tables: list[pl.DataFrame] = []
    for part in np.unique(parts):
        mine = rows[parts == part]
        with pa.memory_map(str(_name_forms(search.folder, part))) as file:
            table = pl.DataFrame(pl.from_arrow(pa.ipc.open_file(file).read_all()))
            tables.append(table[mine - search.begins[part]].with_columns(row=pl.Series(mine)))
    return pl.concat(tables)

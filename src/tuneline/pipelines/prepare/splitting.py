"""Which rows are used, and in which split they are."""

from collections.abc import Collection, Iterator

import numpy as np
import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import GROUPS, SPLIT_GROUP
from tuneline.parameters import Data, Split
from tuneline.pipelines.prepare.row_checks import (
    check_size,
    check_splits,
    warn_of_repeated_ids,
    warn_of_sizes,
)
from tuneline.pipelines.prepare.seen_rows import leave_out_seen, train_on_seen
from tuneline.pipelines.prepare.shares import divide, draw_known, draw_sample
from tuneline.pipelines.prepare.table_facts import FACT_SPLIT
from tuneline.streaming import LINE
from tuneline.utils.hashing import seeded_order

SPLITS = ("train", "validation", "test")
# Begins the group of a row whose column is empty: it belongs to no other row.
ALONE = "line\n"
ROWS_PER_BATCH = 10_000


def assign_splits(
    clean: pl.LazyFrame,
    data: Data,
    seen: Collection[int] = (),
    counts: dict[str, int] | None = None,
) -> pl.DataFrame:
    """Draw the sample and divide it, whole groups at a time.

    Groups are in the order of a seeded hash of their text, so that a row's place does not depend on
    the file's order or length. The test split comes first in that order, then validation, then
    training: a smaller test split is a part of a larger one, and a larger sample trains on more
    without touching either. With a category, each category is drawn and divided in this way on its
    own, in proportion to its size. Questions of a table are in the split of their facts. Rows of
    the lines `seen` are trained on, with all of their groups; questions of a table that another
    split would ask are left out. `counts` has the rows of each category but the pinned ones, where
    `clean` does not say it.

    Returns:
        `line`, `split` (one of `SPLITS`), `position` and `_group` of each row in the sample; the
        group is null for a row that belongs to no other.

    Raises:
        TunelineError: if a row that is to be in a split does not exist, or a split would be empty.
    """
    split, rows = data.split, order_rows(clean, data)
    known = "split" in rows.columns
    if not known:
        rows = draw_sample(_pin_splits(rows, split), split.sample or rows.height, counts)
    warn_of_repeated_ids(rows, data.id)
    count = min(split.sample or rows.height, rows.height)
    sizes = {name: _count(getattr(split, name), count) for name in ("test", "validation")}
    check_size(count, sizes, split)
    if seen:
        rows = (leave_out_seen if known else train_on_seen)(rows, seen, sizes)
    drawn = draw_known(rows, split, sizes) if known else divide(rows, sizes)
    group = pl.when(~pl.col("group").str.starts_with(ALONE)).then("group").alias(SPLIT_GROUP)
    splits = drawn.with_row_index("position").select("line", "position", "split", group)
    check_splits(splits, drawn, data)
    warn_of_sizes(splits, sizes, split)
    return splits


def read_rows(clean: pl.LazyFrame, splits: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Read the rows of the sample in batches, as a lazy join would hold the whole file.

    Returns:
        `line`, `split`, `_group` and the columns that examples are made of; one split after the
        other, each in its order.
    """
    return sort_splits(pl.concat(take_rows(clean, splits, data))).drop("position")


def take_rows(clean: pl.LazyFrame, splits: pl.DataFrame, data: Data) -> Iterator[pl.DataFrame]:
    """Read the rows of the sample batch by batch, with all that `splits` says of them."""
    described = [*data.described, *([GROUPS] if data.table else [])]
    names = dict.fromkeys([LINE, data.id, *data.row_columns, *described])
    for batch in clean.select(*names).collect_batches(chunk_size=ROWS_PER_BATCH):
        yield batch.cast({LINE: pl.Int64}).join(splits, on=LINE)


def sort_splits(rows: pl.DataFrame) -> pl.DataFrame:
    """Put one split after the other, each in its order."""
    return rows.sort(pl.col("split").replace_strict(SPLITS, range(len(SPLITS))), "position")


def order_rows(clean: pl.LazyFrame, data: Data) -> pl.DataFrame:
    """Read what divides the rows: `line`, `id`, `group`, `category`, in the seeded order."""
    rows = hash_groups(clean, data).sort("order", "group", "line").drop("order")
    if not data.category:
        return rows
    # A group is in one split, so it counts for one category: that of most of its rows.
    return rows.with_columns(pl.col("category").mode().sort().first().over("group"))


def hash_groups(clean: pl.LazyFrame, data: Data) -> pl.DataFrame:
    """Read what divides the rows, with the seeded hash of their groups as `order`."""
    known = {"split": pl.col(FACT_SPLIT)} if data.table else {}
    rows = clean.select(
        pl.col("line").cast(pl.Int64),
        id=pl.col(data.id).cast(pl.String),
        group=_group(data),
        category=pl.col(data.category) if data.category else pl.lit(""),
        **known,
    ).collect()
    keys = (seeded_order(data.split.seed, group) for group in rows["group"])
    order = pl.Series("order", np.fromiter(keys, np.uint64, rows.height))
    return rows.with_columns(order)


def _group(data: Data) -> pl.Expr:
    """Name a row's group: its id, or a column without what does not make a title another one."""
    group = pl.col(data.split.group or data.id).cast(pl.String)
    if data.split.group in {None, data.id}:
        return group
    folded = group.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    alone = pl.concat_str(pl.lit(ALONE), pl.col("line").cast(pl.String))
    empty = group.fill_null("").str.strip_chars() == ""
    return pl.when(empty).then(alone).when(folded == "").then(group).otherwise(folded)


def _pin_splits(rows: pl.DataFrame, split: Split) -> pl.DataFrame:
    """Put the rows that the configuration names in their splits, with all of their groups.

    Rows still to be divided have no split.

    Raises:
        TunelineError: if an id does not exist, or two splits claim one group.
    """
    named = {one: name for name, ids in split.pinned for one in ids}
    if not named:
        return rows.with_columns(split=pl.lit(None, pl.String))
    missing = sorted(set(named) - set(rows["id"]))
    if missing:
        raise TunelineError(*(_no_such_id(one, named[one], rows["id"]) for one in missing))
    pinned = rows.filter(pl.col("id").is_in(list(named)))
    claims = pinned.group_by("group", maintain_order=True).agg(
        pl.col("id"), split=pl.col("id").replace_strict(named).unique().sort()
    )
    torn = claims.filter(pl.col("split").list.len() > 1)
    if torn.height:
        raise TunelineError(_torn_group(torn["id"][0].to_list(), torn["group"][0], split))
    splits = claims.select("group", pl.col("split").list.first())
    return rows.join(splits, on="group", how="left", maintain_order="left")


def _no_such_id(one: str, split: str, ids: pl.Series) -> Problem:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import extractOne

    nearest = extractOne(one, ids.to_list(), scorer=Levenshtein.normalized_similarity)
    return Problem(
        where=f"data.split.pinned.{split}",
        value=one,
        wrong="no clean row has this id",
        matters=f"the row could not be on the {split} split",
        remedy=f"did you mean `{nearest[0]}`; if the row was dropped, rejected.csv says why"
        if nearest
        else "rejected.csv says why rows were dropped",
    )


def _torn_group(ids: list[str], group: str, split: Split) -> Problem:
    return Problem(
        where="data.split.pinned",
        value=", ".join(ids),
        wrong=f"these rows are of one group, `{group}`, and are named for two splits",
        matters="a group in two splits is a leak",
        remedy=f"name them for one split, or divide by another `group` than {split.group}",
    )


def _count(size: float | None, rows: int) -> int:
    """Rows of a split: a share of them all is at least one."""
    if size is None:
        return 0
    return size if isinstance(size, int) else max(round(size * rows), 1)

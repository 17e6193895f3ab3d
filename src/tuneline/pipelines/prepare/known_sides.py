"""Rows whose side is known before they are drawn: the questions of a table, by their facts."""

import polars as pl

from tuneline.parameters import Split
from tuneline.pipelines.prepare.quotas import allot


def draw_known(rows: pl.DataFrame, split: Split, sizes: dict[str, int]) -> pl.DataFrame:
    """Draw as many rows of each side as it may have, each category in proportion to its size.

    Args:
        rows: `side` and `category` of every row, in the seeded order.
        split: `sample` says how many rows there may be on all sides together.
        sizes: rows of the test and of the validation side, at most.

    Returns:
        The rows drawn, in the same order.
    """
    rows = rows.with_row_index("place")
    left = (split.sample or rows.height) - sum(sizes.values())
    return (
        pl.concat(
            _draw(rows.filter(side=side), size) for side, size in {**sizes, "train": left}.items()
        )
        .sort("place")
        .drop("place")
    )


def _draw(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    counts = dict(rows["category"].value_counts().sort("category").iter_rows())
    quotas = allot(max(size, 0), counts, set(counts))
    place = pl.int_range(pl.len()).over("category")
    quota = pl.col("category").replace_strict(quotas, default=0, return_dtype=pl.Int64)
    return rows.filter(place < quota)

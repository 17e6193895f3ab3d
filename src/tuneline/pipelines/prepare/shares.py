"""How many rows of each category a split gets, and which groups those are."""

import polars as pl

from tuneline.parameters import Split
from tuneline.utils.hashing import apportion


def draw_sample(
    rows: pl.DataFrame, sample: int, counts: dict[str, int] | None = None
) -> pl.DataFrame:
    """Take the pinned rows and the first of the others, in each category its share."""
    free = pl.col("split").is_null()
    others = rows.filter(free)
    place = pl.int_range(pl.len()).over("category", "split")
    counts = counts or dict(others["category"].value_counts().iter_rows())
    quota = _quota(counts, sample - rows.height + others.height)
    return rows.filter(~free | (place < quota))


def draw_known(rows: pl.DataFrame, split: Split, sizes: dict[str, int]) -> pl.DataFrame:
    """Draw as many rows of each split as it may have, each category in proportion to its size."""
    rows = rows.with_row_index("place")
    left = (split.sample or rows.height) - sum(sizes.values())
    place = pl.int_range(pl.len()).over("category")
    drawn = []
    for name, size in {**sizes, "train": left}.items():
        known = rows.filter(split=name)
        counts = dict(known["category"].value_counts().iter_rows())
        drawn.append(known.filter(place < _quota(counts, size)))
    return pl.concat(drawn).sort("place").drop("place")


def divide(rows: pl.DataFrame, sizes: dict[str, int]) -> pl.DataFrame:
    """Give each category's first groups to test, the next to validation, the rest to training."""
    groups = (
        rows.filter(pl.col("split").is_null())
        .group_by("group", maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col("category").first())
    )
    test = _take(groups, sizes["test"], keep=2 if sizes["validation"] else 1)
    left = groups.join(test, on="group", how="anti", maintain_order="left")
    validation = _take(left, sizes["validation"], keep=1)
    drawn = pl.concat(
        [
            test.with_columns(drawn=pl.lit("test")),
            validation.with_columns(drawn=pl.lit("validation")),
        ]
    )
    return rows.join(drawn, on="group", how="left", maintain_order="left").with_columns(
        split=pl.coalesce("split", "drawn", pl.lit("train"))
    )


def _take(groups: pl.DataFrame, size: int, keep: int) -> pl.DataFrame:
    """Take the first groups of each category until its quota of rows is reached.

    `keep` groups are left of a category for the splits that follow, if it has so many; a category's
    only group is never taken.
    """
    groups = groups.filter(pl.len().over("category") > 1)
    start = (pl.col("rows").cum_sum() - pl.col("rows")).over("category")
    place = pl.int_range(pl.len()).over("category")
    last = pl.max_horizontal(pl.len().over("category").cast(pl.Int64) - keep, 1)
    counts = groups.group_by("category").agg(pl.col("rows").sum())
    quota = _quota(dict(counts.iter_rows()), size)
    return groups.filter((start < quota) & (place < last)).select("group")


def _quota(counts: dict[str, int], size: int) -> pl.Expr:
    quotas = share_out(counts, size)
    if not quotas:
        return pl.lit(0)
    return pl.col("category").replace_strict(quotas, default=0, return_dtype=pl.Int64)


def share_out(counts: dict[str, int], size: int) -> dict[str, int]:
    """Give each category (its name, its rows) a share of a number of rows, and one at least."""
    return apportion(min(max(size, 0), sum(counts.values())), counts, at_least_one=True)

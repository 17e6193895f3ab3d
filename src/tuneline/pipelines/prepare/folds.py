"""Groups of rows, divided into folds of like size."""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Data
from tuneline.streaming import LINE
from tuneline.utils.hashing import seeded_order

# One that is held out, one to learn from, and one to watch.
LEAST_GROUPS = 3


@dataclass(frozen=True)
class Group:
    """Rows that stay together.

    Attributes:
        rows: their places.
        category: of most of them; empty without categories.
        watches: whether they are in the validation split of the released adapter.
        order: its place in a seeded order.
    """

    rows: list[int]
    category: str
    watches: bool
    order: int


def list_groups(rows: pl.DataFrame, data: Data) -> list[Group]:
    """List the groups of rows, in a seeded order that is not the file's."""
    name = pl.coalesce(SPLIT_GROUP, pl.concat_str(pl.lit("line\n"), pl.col(LINE).cast(pl.String)))
    category = pl.col(data.category).fill_null("") if data.category else pl.lit("")
    found = (
        rows.with_columns(name=name, kind=category.cast(pl.String))
        .group_by("name", maintain_order=True)
        .agg(pl.col("row"), pl.col("kind").mode().sort().first(), pl.col("split").first())
    )
    groups = [
        Group(
            one["row"],
            one["kind"],
            one["split"] == "validation",
            seeded_order(data.split.seed, "folds", one["name"]),
        )
        for one in found.iter_rows(named=True)
    ]
    return sorted(groups, key=lambda one: one.order)


def divide_folds(groups: list[Group], count: int) -> list[int]:
    """Divide groups into folds of like size, with each category in all of them.

    The largest group comes first, and each goes to the fold with the fewest rows; of several such
    folds to the one with the fewest rows of its category. Without groups the sizes differ by one
    row at most.

    Raises:
        TunelineError: if there are fewer groups than folds, or a fold would leave too few to
            learn from and to watch.
    """
    sizes, kinds = Counter[int](), Counter[tuple[int, str]]()
    folds = [0] * len(groups)
    order = sorted(
        range(len(groups)), key=lambda place: (-len(groups[place].rows), groups[place].category)
    )
    for place in order:
        one = groups[place]
        fold = min(
            range(1, count + 1), key=lambda fold: (sizes[fold], kinds[fold, one.category], fold)
        )
        folds[place] = fold
        sizes[fold] += len(one.rows)
        kinds[fold, one.category] += len(one.rows)
    if len(groups) < count or len(groups) - max(Counter(folds).values()) < LEAST_GROUPS - 1:
        raise TunelineError(_too_few(groups, count))
    return folds


def _too_few(groups: list[Group], count: int) -> Problem:
    rows = sum(len(one.rows) for one in groups)
    basis = f"{rows:,} rows" if rows == len(groups) else f"{rows:,} rows in {len(groups):,} groups"
    change = "raise it, or " if len(groups) > count else ""
    if LEAST_GROUPS <= len(groups) < count:
        change = f"lower it to {len(groups)} or less, or "
    return Problem(
        where="evaluation.cross_fit",
        value=count,
        wrong=f"there are only {basis}",
        matters="each fold holds a group out, and needs two others: to learn from, and to watch",
        remedy=f"{change}bring more rows (rejected.csv says why rows were dropped)",
    )


def split_fold(groups: list[Group], folds: list[int], number: int, size: int) -> dict[int, str]:
    """Give the rows of a fold's training their splits.

    Those that watch the released adapter's training watch here, too, where they are not held out;
    others take the places of those that are.
    """
    splits = {
        row: "test"
        for one, fold in zip(groups, folds, strict=True)
        if fold == number
        for row in one.rows
    }
    others = [one for one, fold in zip(groups, folds, strict=True) if fold != number]
    others.sort(key=lambda one: not one.watches)  # stable: the seeded order stays
    watching = 0
    for place, one in enumerate(others):
        watches = not watching or (watching < size and place < len(others) - 1)
        watching += len(one.rows) * watches
        splits |= dict.fromkeys(one.rows, "validation" if watches else "train")
    return splits

"""Which rows are used, and on which side they stand."""

import hashlib

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Split


def assign_sides(clean: pl.LazyFrame, split: Split) -> pl.DataFrame:
    """Draw the sample and divide it, whole groups at a time.

    Groups stand in the order of a seeded hash of their text, so that a row's place does not depend
    on the file's order or length. The test side comes first in that order, then validation, then
    training: a smaller test side is a part of a larger one, and a larger sample trains on more
    without touching either.

    Args:
        clean: the clean rows.
        split: sample size, sizes of the sides, group column and seed.

    Returns:
        `line`, `side` (`train`, `validation`, `test`) and `position` of each row in the sample.

    Raises:
        TunelineError: if no row would be left to train on.
    """
    rows = clean.select(pl.col("line").cast(pl.Int64), group=split.group).collect()
    rows = rows.with_columns(group=_group_key(pl.col("group")))
    order = pl.col("group").map_elements(lambda key: _seeded_hash(key, split.seed), pl.UInt64)
    rows = rows.with_columns(order=order).sort("order", "group", "line")
    rows = rows.head(split.sample or rows.height).with_row_index("position")
    _check_size(rows.height, split)
    start = pl.col("position").min().over("group")
    side = (
        pl.when(start < split.test)
        .then(pl.lit("test"))
        .when(start < split.test + split.validation)
        .then(pl.lit("validation"))
        .otherwise(pl.lit("train"))
    )
    sides = rows.select("line", "position", side=side)
    _check_sides(sides, split)
    return sides


def _group_key(text: pl.Expr) -> pl.Expr:
    """Fold what does not make a title another one: letter case, punctuation, spaces."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()


def _seeded_hash(text: str, seed: int) -> int:
    digest = hashlib.blake2b(f"{seed}\x00{text}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _check_size(rows: int, split: Split) -> None:
    held_out = split.test + split.validation
    if rows <= held_out:
        raise TunelineError(
            Problem(
                where="data.split",
                value=f"test {split.test:,} + validation {split.validation:,}",
                wrong=f"there are only {rows:,} clean rows to divide",
                matters="none would be left to train on",
                remedy="lower `test` and `validation`, or bring more rows (rejected.csv says why "
                "rows were dropped)",
            )
        )


def _check_sides(sides: pl.DataFrame, split: Split) -> None:
    empty = {"train", "validation", "test"} - set(sides["side"])
    if empty:
        raise TunelineError(
            Problem(
                where="data.split.group",
                value=split.group,
                wrong=f"no row is left for {min(empty)}",
                matters="equal groups stay together, and some of them are larger than a side",
                remedy="group by a column with more different values, or raise `test` and "
                "`validation`",
            )
        )

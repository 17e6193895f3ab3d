"""The cleaning rules that drop a row. They look at clean texts; the first that applies counts."""

from collections.abc import Iterator

import polars as pl

from tuneline.parameters import Data

# No letter takes more than three times the bytes of its lower case, or the other way round.
MOST_GROWTH = 3


def find_reasons(table: pl.DataFrame, data: Data) -> pl.Series:
    """Say of each row why it is dropped.

    Args:
        table: rows with clean columns, `problem`, and `only_boilerplate` (whether a column held
            nothing else).
        data: columns and rules.

    Returns:
        The first reason that applies; null for rows to keep.
    """
    reasons = [
        pl.col("problem"),
        *drop_only_boilerplate(data),
        *drop_empty(data),
        *drop_equal(table, data),
        *drop_short(data),
        *drop_long(data),
        *drop_not_text(data),
    ]
    return table.select(reason=pl.coalesce(reasons))["reason"]


def drop_only_boilerplate(data: Data) -> Iterator[pl.Expr]:
    """Drop rows with a column that held nothing but boilerplate."""
    if data.rules.drop_only_boilerplate:
        yield _when(pl.col("only_boilerplate"), "only boilerplate")


def drop_empty(data: Data) -> Iterator[pl.Expr]:
    """Drop rows with an empty column; of a table, only those without a subject."""
    if data.rules.drop_empty:
        yield from (_when(pl.col(name) == "", f"{name} is empty") for name in data.filled_columns)


def drop_equal(table: pl.DataFrame, data: Data) -> Iterator[pl.Expr]:
    """Drop rows whose columns all say the same, in any letter case."""
    if not data.rules.drop_equal or len(data.columns) < 2:
        return
    lengths = [pl.col(name).str.len_bytes() for name in data.columns]
    alike = pl.max_horizontal(lengths) <= MOST_GROWTH * pl.min_horizontal(lengths)
    # Lower case of every text would take longer than all other rules together.
    near = table.with_row_index("row").filter(alike)
    first, *others = (pl.col(name).str.to_lowercase() for name in data.columns)
    equal = near.filter(pl.all_horizontal(first == other for other in others))["row"]
    marks = pl.repeat(False, table.height, dtype=pl.Boolean, eager=True).scatter(equal, True)
    yield _when(pl.lit(marks), f"{' and '.join(data.columns)} are equal")


def drop_short(data: Data) -> Iterator[pl.Expr]:
    """Drop rows with fewer words in a column than `min_words` says."""
    for name, least in data.rules.min_words.items():
        # Looking no further than the last word needed is far faster than counting all.
        enough = pl.col(name).str.contains(rf"(?:\S+\s+){{{least - 1}}}\S")
        yield _when(~enough, f"{name} is too short")


def drop_long(data: Data) -> Iterator[pl.Expr]:
    """Drop rows with more characters in a column than `max_characters` says."""
    for name, most in data.rules.max_characters.items():
        yield _when(pl.col(name).str.len_chars() > most, f"{name} is too long")


def drop_not_text(data: Data) -> Iterator[pl.Expr]:
    """Drop rows with a column of neither letters nor numbers; of a table, only the subject."""
    if data.rules.drop_not_text:
        for name in data.filled_columns:
            bare = ~pl.col(name).str.contains(r"[\p{L}\p{N}]")
            yield _when(bare, f"{name} has no letter and no number")


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))

"""Rows that an adapter has seen which is trained further: they cannot be held out."""

import logging
from collections.abc import Collection

import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.examples import GROUPS, list_examples
from tuneline.models.start_adapter import UNKNOWN, read_start
from tuneline.parameters import Data, Prompt
from tuneline.streaming import LINE
from tuneline.utils.progress import track

log = logging.getLogger(__name__)
ROWS_AT_ONCE = 10_000


def find_seen_lines(clean: pl.LazyFrame, data: Data, prompt: Prompt, start_from: str) -> list[int]:
    """Find the lines of rows that an adapter has seen; none, with a warning, if it does not tell.

    Rows that are nearly the same as one of them are found by the leak check, as long as that one is
    among the rows still.
    """
    seen = read_start(start_from).seen
    if seen is None:
        log.warning(
            "%s",
            Problem(
                where="recipe.start_from",
                value=start_from,
                wrong=f"it does not record {UNKNOWN['rows']}",
                matters="plan, report and card say so",
                remedy="bring test rows that are newer than the adapter, or start from one that "
                "Tuneline has trained",
            ),
        )
        return []
    described = [*data.described, *([GROUPS] if data.table else [])]
    names = dict.fromkeys([LINE, data.id, *data.row_columns, *described])
    found: list[int] = []
    batches = clean.select(*names).collect_batches(chunk_size=ROWS_AT_ONCE)
    for batch in track(batches, "Looking for rows that were seen", "batches"):
        rows = list(batch.cast({LINE: pl.Int64}).iter_rows(named=True))
        examples = [list_examples(row, data, prompt) for row in rows]
        flat = iter(seen.find([one for some in examples for one in some]))
        marks = [[next(flat) for _ in some] for some in examples]
        found += [row[LINE] for row, own in zip(rows, marks, strict=True) if any(own)]
    log.info("Rows that the adapter in recipe.start_from has seen: %s.", f"{len(found):,}")
    return found


def train_on_seen(rows: pl.DataFrame, seen: Collection[int], sizes: dict[str, int]) -> pl.DataFrame:
    """Put groups of which a row was seen into training; the others may be held out."""
    was_seen = pl.col("line").is_in(seen).any().over("group")
    pinned = rows.filter(was_seen & pl.col("split").is_in(["test", "validation"]))
    left = rows.filter(~was_seen).height
    problems = [_pinned_seen(*row) for row in pinned.select("id", "split").unique().rows()]
    if left < sum(sizes.values()):
        problems.append(_all_seen(left, sizes))
    if problems:
        raise TunelineError(*problems)
    return rows.with_columns(
        split=pl.when(was_seen).then(pl.lit("train")).otherwise(pl.col("split"))
    )


def leave_out_seen(
    rows: pl.DataFrame, seen: Collection[int], sizes: dict[str, int]
) -> pl.DataFrame:
    """Leave out the questions of a table that were seen and would be held out."""
    kept = rows.filter(~pl.col("line").is_in(seen) | (pl.col("split") == "train"))
    left = kept.filter(pl.col("split") != "train").height
    if left < sum(sizes.values()):
        raise TunelineError(_all_seen(left, sizes))
    return kept


def _pinned_seen(one: str, split: str) -> Problem:
    return Problem(
        where=f"data.split.pinned.{split}",
        value=one,
        wrong="the adapter in `recipe.start_from` has seen this row, or one of its group",
        matters="what it answers there says nothing about rows that it does not know",
        remedy="name another row, or start from another adapter",
    )


def _all_seen(left: int, sizes: dict[str, int]) -> Problem:
    return Problem(
        where="data.split",
        value=" + ".join(f"{name} {size:,}" for name, size in sizes.items()),
        wrong=f"only {left:,} rows are left that the adapter in `recipe.start_from` has not seen",
        matters="what it has seen cannot be held out",
        remedy="bring new rows, raise `sample`, or lower `test` and `validation`",
    )

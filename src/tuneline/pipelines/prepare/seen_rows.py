"""Rows that an adapter has seen which is trained further: they cannot be held out."""

import logging

import polars as pl

from tuneline.errors import Problem
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

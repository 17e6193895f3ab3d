"""Cleaning one batch of rows: a pure function, which Spark runs as well as this machine."""

from typing import Any

import numpy as np
import orjson
import polars as pl

from tuneline.parameters import Data
from tuneline.pipelines.prepare.drop_rules import find_reasons
from tuneline.pipelines.prepare.text_rules import (
    TEXT_RULES,
    Change,
    cut_boilerplate,
    tidy_texts,
)

# Columns that only the cleaning report reads.
CHANGED, EXAMPLE, LENGTH = "_changed", "_example", "_length:"
# Characters shown on each side of the first difference.
CONTEXT = 40


def clean_batch(batch: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Apply all rules that look at one row alone.

    Args:
        batch: rows as a `RowSource` gives them.
        data: columns and rules.

    Returns:
        The rows with clean columns and `reason` (null for rows to keep). For the report:
        `_changed` (a bit for each text rule), `_example` (JSON, in few rows) and `_length:<column>`
        (characters before).
    """
    emptied = pl.repeat(False, batch.height, dtype=pl.Boolean, eager=True)
    marks = np.zeros(batch.height, dtype=np.min_scalar_type((1 << len(TEXT_RULES)) - 1))
    examples: dict[int, bytes] = {}
    columns: dict[str, pl.Series] = {}
    for name in data.columns:
        changes: list[Change] = []
        raw = batch[name].fill_null("")
        tidy = tidy_texts(raw, data.rules, changes)
        clean = cut_boilerplate(tidy, data.rules, changes)
        emptied = emptied | ((tidy != "") & (clean == ""))
        _mark(changes, marks)
        examples |= _pick_examples(changes, name)
        columns |= {name: clean, f"{LENGTH}{name}": raw.str.len_chars()}
    table = batch.with_columns(**columns, only_boilerplate=emptied)
    shown = pl.Series(EXAMPLE, [None], dtype=pl.String).new_from_index(0, batch.height)
    return table.with_columns(
        find_reasons(table, data),
        pl.Series(CHANGED, marks),
        shown.scatter(list(examples), [one.decode() for one in examples.values()]),
    ).drop("only_boilerplate", "problem")


def _mark(changes: list[Change], marks: np.ndarray[tuple[int], np.dtype[Any]]) -> None:
    for change in changes:
        marks[change.rows.to_numpy()] |= 1 << TEXT_RULES.index(change.rule)


def _pick_examples(changes: list[Change], column: str) -> dict[int, bytes]:
    """Show the first row that each rule changed."""
    firsts: dict[str, Change] = {}
    for change in changes:
        firsts.setdefault(change.rule, change)
    return {
        int(change.rows[0]): orjson.dumps(
            {"rule": rule, "column": column, **_show(change.before[0], change.after[0])}
        )
        for rule, change in firsts.items()
    }


def _show(before: str, after: str) -> dict[str, str]:
    """Cut two texts to the surroundings of their first difference."""
    pairs = enumerate(zip(before, after, strict=False))
    start = next((place for place, (old, new) in pairs if old != new), min(len(before), len(after)))
    start = max(0, start - CONTEXT)
    cut = slice(start, start + 3 * CONTEXT)
    lead = "…" if start else ""
    return {
        "before": lead + before[cut] + ("…" if len(before) > cut.stop else ""),
        "after": lead + after[cut] + ("…" if len(after) > cut.stop else ""),
    }

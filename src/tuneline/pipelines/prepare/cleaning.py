"""Cleaning one batch of rows: a pure function, which Spark runs as well as this machine."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import polars as pl

from tuneline.parameters import Data
from tuneline.parameters.cleaning import Rules
from tuneline.parameters.examples import Conversations
from tuneline.pipelines.prepare.conversations import clean_conversations
from tuneline.pipelines.prepare.masking import hide
from tuneline.pipelines.prepare.text_rules import (
    MASKING,
    TEXT_RULES,
    Change,
    cut_boilerplate,
    tidy_texts,
)
from tuneline.utils.languages import is_foreign

# No letter takes more than three times the bytes of its lower case, or the other way round.
MOST_GROWTH = 3
# Columns that only the cleaning report reads.
CHANGED, EXAMPLE, LENGTH = "_changed", "_example", "_length:"
TURNS, KEPT_TURNS = "_turns", "_kept_turns"
# Characters shown on each side of the first difference.
CONTEXT = 40


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
        *drop_foreign(table, data),
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


def drop_foreign(table: pl.DataFrame, data: Data) -> Iterator[pl.Expr]:
    """Drop rows with a column in another language than `language` says."""
    if language := data.rules.language:
        for name in data.columns:
            foreign = [is_foreign(text, language) for text in table[name]]
            marks = pl.Series(foreign, dtype=pl.Boolean)
            yield _when(pl.lit(marks), f"{name} is in another language")


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def clean_batch(batch: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Apply all rules that look at one row alone.

    Args:
        batch: rows as a `RowSource` gives them.
        data: columns and rules.

    Returns:
        The rows with clean columns and `reason` (null for rows to keep). For the report:
        `_changed` (a bit for each text rule), `_example` (JSON, in few rows) and `_length:<column>`
        (characters before); of conversations `_turns` and, of those that are good, `_kept_turns`.
    """
    emptied = pl.repeat(False, batch.height, dtype=pl.Boolean, eager=True)
    marks = np.zeros(batch.height, dtype=np.min_scalar_type((1 << len(TEXT_RULES)) - 1))
    examples: dict[int, bytes] = {}
    columns: dict[str, pl.Series] = {}
    for name in data.columns:
        changes: list[Change] = []
        raw = batch[name].fill_null("")
        if data.conversations and name == data.conversations.column:
            columns |= _clean_conversations(batch, data.conversations, data.rules, changes)
        else:
            tidy = tidy_texts(raw, data.rules, changes)
            clean = cut_boilerplate(tidy, data.rules, changes)
            emptied = emptied | ((tidy != "") & (clean == ""))
            columns |= {name: clean, f"{LENGTH}{name}": raw.str.len_chars()}
        _mark(changes, marks)
        examples |= _pick_examples(changes, name, data.rules.mask_personal_data)
    table = batch.with_columns(**columns, only_boilerplate=emptied)
    shown = pl.Series(EXAMPLE, [None], dtype=pl.String).new_from_index(0, batch.height)
    return table.with_columns(
        find_reasons(table, data),
        pl.Series(CHANGED, marks),
        shown.scatter(list(examples), [one.decode() for one in examples.values()]),
    ).drop("only_boilerplate", "problem")


def _clean_conversations(
    batch: pl.DataFrame, settings: Conversations, rules: Rules, changes: list[Change]
) -> dict[str, pl.Series]:
    def clean(texts: pl.Series, changed: list[Change]) -> pl.Series:
        return cut_boilerplate(tidy_texts(texts, rules, changed), rules, changed)

    column = settings.column
    done = clean_conversations(batch[column].fill_null(""), settings, clean, changes)
    return {
        column: done.cells,
        f"{LENGTH}{column}": done.lengths,
        TURNS: done.turns,
        KEPT_TURNS: done.kept,
        "problem": batch["problem"].zip_with(batch["problem"].is_not_null(), done.reasons),
    }


def _mark(changes: list[Change], marks: np.ndarray[tuple[int], np.dtype[Any]]) -> None:
    for change in changes:
        marks[change.rows.to_numpy()] |= 1 << TEXT_RULES.index(change.rule)


def _pick_examples(changes: list[Change], column: str, masked: bool) -> dict[int, bytes]:
    """Show the first row that each rule changed, but none of what was masked."""
    firsts: dict[str, Change] = {}
    for change in changes:
        firsts.setdefault(change.rule, change)
    read = hide if masked else str
    return {
        int(change.rows[0]): orjson.dumps({"rule": rule, "column": column, **_show(*shown)})
        for rule, change in firsts.items()
        if rule != MASKING
        for shown in [(read(change.before[0]), read(change.after[0]))]
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

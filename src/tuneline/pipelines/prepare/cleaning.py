"""Cleaning one batch of rows: a pure function, which Spark runs as well as this machine."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.text_rules import TEXT_RULES, Change, cut_boilerplate, tidy_texts

log = logging.getLogger(__name__)


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


NEARLY_ALL = 0.9
# What helps if rows are rejected for a reason with these words.
REMEDIES = {
    "is repeated": "`data.rules.unique` is `{column}`: let it name the column that differs from "
    "row to row, or leave it out",
    "is empty": "let `data.columns` name columns with text, or set `data.rules.drop_empty: false`",
    "are equal": "let `data.columns` name columns that differ, or set `data.rules.drop_equal` to "
    "`false`",
    "too short": "lower `data.rules.min_words`",
    "too long": "raise `data.rules.max_characters`",
    "only boilerplate": "narrow the patterns of `data.rules.boilerplate`",
    "no letter and no number": "set `data.rules.drop_not_text: false`",
    "cells not as in the header": "state `separator` in the catalog, and put cells that hold it "
    "into double quotes",
    "not CSV": "put cells that hold a quote into double quotes, and double the quote in them",
    "never closed": "put cells that hold a quote into double quotes, and double the quote in them",
    "not JSON": "write one JSON object a line, or one list of objects",
    "not a JSON object": "write one JSON object a line, or one list of objects",
    "not text but": "write the column as text in the raw file, or let `data.columns` name another",
    "no field": "name a field that the rows have in `data`",
    "message": "let each conversation be one system, user and assistant message (docs/prepare.md)",
    "password": "save the documents without a password",
    "not read": "save the files as DOCX or as text",
    "another encoding": "set `encoding` in the catalog, or save the files as UTF-8",
    "hidden row": "show the rows in the sheet, or copy them into another",
    "formula": "save the workbook in a spreadsheet program, so that it holds the values",
    "longer than a row may be": "look for line ends that are missing, or raise `limits.row_mb` in "
    "conf/base/globals.yml",
    "too large": "raise `limits.document_gb` in conf/base/globals.yml",
    "not safe": "save the documents again in Word or LibreOffice",
    "damaged": "copy the files again",
    "not ": "set `encoding: {encoding}` in the catalog, or save the file as UTF-8",
    "": "rejected.csv says what is wrong with each row",
}


def check_cleaned(where: str, cleaning_report: dict[str, Any], data: Data) -> None:
    """Refuse rows of which nearly all were rejected for one reason, and warn if some are left.

    Args:
        where: the raw file.
        cleaning_report: as `clean_rows` made it.
        data: says how the rows are divided.

    Raises:
        TunelineError: naming the reason and what helps, if too few rows are left to divide.
    """
    reasons = cleaning_report["reasons"]
    reason = max(reasons, key=reasons.__getitem__, default="")
    if not reasons or reasons[reason] < NEARLY_ALL * cleaning_report["rows"]:
        return
    clean = cleaning_report["clean"]
    problem = Problem(
        where=where,
        wrong=f"{reasons[reason]:,} of {cleaning_report['rows']:,} rows were rejected for one "
        f"reason: {reason}",
        matters=f"{clean:,} clean rows are left",
        remedy=_find_remedy(reason, cleaning_report["encoding"]),
    )
    if clean <= _count_held_out(data):
        raise TunelineError(problem)
    log.warning("%s", problem)


def _count_held_out(data: Data) -> int:
    """Count the rows that are held out at least; pairs are counted elsewhere."""
    if data.table or data.documents:
        return 0
    named = sum(len(ids) for _, ids in data.split.pinned)
    sizes = [size for size in (data.split.test, data.split.validation) if size is not None]
    return named + sum(size if isinstance(size, int) else 1 for size in sizes)


def _find_remedy(reason: str, encoding: str | None) -> str:
    remedy = next(remedy for sign, remedy in REMEDIES.items() if sign in reason)
    return remedy.format(column=reason.split(" is ", maxsplit=1)[0], encoding=encoding or "…")

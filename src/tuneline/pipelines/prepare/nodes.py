"""Nodes that make examples: clean → train, validation, test."""

import logging
from typing import Any

import pandas as pd
import polars as pl

from tuneline.examples import SPLIT_GROUP, Example, fill_templates
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.comparing import tabulate
from tuneline.pipelines.prepare.leak_report import CLEAN, describe_check, list_leaks
from tuneline.pipelines.prepare.separation import count_changes, pick_examples, separate
from tuneline.pipelines.prepare.split_checks import check_columns
from tuneline.pipelines.prepare.splits import ALONE, assign_sides, name_groups

log = logging.getLogger(__name__)

ROWS_PER_BATCH = 50_000


def build_examples(
    pairs: pl.LazyFrame, data: Data, prompt: Prompt
) -> tuple[list[Example], list[Example], list[Example]]:
    """Sample the rows, divide them and fill the prompt templates.

    Args:
        pairs: the clean rows, or the pairs that were made of them.
        data: how to sample and to divide.
        prompt: the templates.

    Returns:
        Examples for training, validation and test, in a seeded order; rows of one group are all
        on one side. Leaks between the sides are still in them: see `check_leaks`.

    Raises:
        TunelineError: if a column is missing, or there are too few rows to divide.
    """
    check_columns(pairs, data)
    sides = assign_sides(pairs, data)
    table = _read_rows(pairs, sides, data)
    counts = {side: (table["side"] == side).sum() for side in ("train", "validation", "test")}
    log.info("Examples: %s.", ", ".join(f"{n:,} {side}" for side, n in counts.items()))
    train, validation, test = (
        [fill_templates(row, data, prompt) for row in table.filter(side=side).iter_rows(named=True)]
        for side in counts
    )
    return train, validation, test


def check_leaks(
    train: list[Example],
    validation: list[Example],
    test: list[Example],
    pairs: pl.LazyFrame,
    data: Data,
    prompt: Prompt,
    evaluation: Evaluation,
) -> tuple[list[Example], list[Example], list[Example], pd.DataFrame, dict[str, Any]]:
    """Take out of the sides what stands on two of them or asks a fixed question.

    Args:
        train: examples for training, as they were divided.
        validation: examples for validation.
        test: examples for the evaluation.
        pairs: the rows that the examples were made of, to move whole groups.
        data: when two rows are twins, and what becomes of them.
        prompt: the templates, whose words are not compared.
        evaluation: the fixed questions.

    Returns:
        The examples of the three sides without leaks, a table of the leaks, and the report.

    Raises:
        TunelineError: if a side would be empty without its leaks.
    """
    sides = {"train": train, "validation": validation, "test": test}
    log.info("Leak check: %s examples.", f"{sum(map(len, sides.values())):,}")
    rows = tabulate(sides, evaluation.questions, prompt)
    kept, found = separate(rows, data.leaks, name_groups(pairs, data, rows["line"]))
    checked = pick_examples(sides, kept, data.leaks)
    table = list_leaks(found, sides, evaluation.questions, data.leaks)
    report = describe_check(found, kept, count_changes(rows, kept), checked, data)
    log.log(logging.INFO if report["words"] == CLEAN else logging.WARNING, report["words"])
    return checked["train"], checked["validation"], checked["test"], table, report


def _read_rows(clean: pl.LazyFrame, sides: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Read the rows of the sample in batches, as a lazy join would hold the whole file."""
    parts = [
        _add_groups(batch.cast({"line": pl.Int64}).join(sides, on="line"), data)
        for batch in clean.collect_batches(chunk_size=ROWS_PER_BATCH)
    ]
    return pl.concat(parts).sort("position")


def _add_groups(rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Add the group that the split keeps together, where it is more than a row's id."""
    if not data.split.group:
        return rows
    groups = name_groups(rows.lazy(), data, rows["line"]).collect()
    named = pl.when(~pl.col("group").str.starts_with(ALONE)).then("group")
    return rows.join(groups.select("line", named.alias(SPLIT_GROUP)), on="line")

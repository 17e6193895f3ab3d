"""Nodes that make examples: clean → train, validation, test."""

import logging

import polars as pl

from tuneline.examples import Example, fill_templates
from tuneline.parameters import Data, Prompt
from tuneline.pipelines.prepare.splits import assign_sides

log = logging.getLogger(__name__)


def build_examples(
    clean: pl.LazyFrame, data: Data, prompt: Prompt
) -> tuple[list[Example], list[Example], list[Example]]:
    """Sample the clean rows, divide them and fill the prompt templates.

    Args:
        clean: the clean rows.
        data: how to sample and to divide.
        prompt: the templates.

    Returns:
        Examples for training, validation and test, in a seeded order; rows of one group are all
        on one side.

    Raises:
        TunelineError: if there are too few rows to divide.
    """
    sides = assign_sides(clean, data.split)
    rows = clean.with_columns(pl.col("line").cast(pl.Int64)).join(sides.lazy(), on="line")
    table = rows.sort("position").collect(engine="streaming")
    counts = {side: (table["side"] == side).sum() for side in ("train", "validation", "test")}
    log.info("Examples: %s.", ", ".join(f"{n:,} {side}" for side, n in counts.items()))
    train, validation, test = (
        [fill_templates(row, data, prompt) for row in table.filter(side=side).iter_rows(named=True)]
        for side in counts
    )
    return train, validation, test

"""Rows of a new use case, cleaned as a run would, and why others are rejected."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import polars as pl

from tuneline import datasets
from tuneline.new_use_case.draft import Draft
from tuneline.parameters import Data
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.cleaning_report import cut_reason
from tuneline.pipelines.prepare.repetitions import SeenKeys, find_repetitions
from tuneline.streaming import LINE, list_fields

# Rows that are cleaned, at most.
JUDGED = 20_000


@dataclass(frozen=True)
class Rejected:
    """Rows that are rejected for one reason, and the line of the first."""

    reason: str
    rows: int
    line: str


def clean_sample(draft: Draft, data: Data) -> tuple[pl.DataFrame, int, bool, list[str]]:
    """Clean rows up to some number; answer with them, and whether they are all."""
    source = draft.source
    if source.is_asked:
        return _clean_asked(source.rows, data), source.rows.height, True, []
    dataset = getattr(datasets, source.dataset)(filepath=str(source.path), **source.options)
    seen = {name: SeenKeys() for name in data.rules.unique}
    judged, tables, whole = 0, [], True
    with _quiet():
        raw = dataset.load()
        for table in raw.map(list_fields(data), partial(clean_batch, data=data)):
            if judged >= JUDGED:
                whole = False
                break
            tables.append(find_repetitions(table, seen))
            judged += table.height
    notes = [note.removeprefix(f"{source.path}: ") for note in raw.notes]
    return pl.concat(tables, how="diagonal_relaxed"), judged, whole, notes


def _clean_asked(rows: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Clean the questions and answers about documents, which no file holds yet."""
    batch = rows.with_columns(
        pl.lit(None, pl.String).alias("problem"),
        pl.lit(None, pl.String).alias("origin"),
        pl.lit(b"").alias("original"),
        pl.int_range(1, pl.len() + 1).cast(pl.Int64).alias(LINE),
        pl.format("{}-{}", "document", pl.int_range(1, pl.len() + 1).over("document")).alias("id"),
    )
    seen = {name: SeenKeys() for name in data.rules.unique}
    return find_repetitions(clean_batch(batch, data=data), seen)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the readers would log out of the dialogue, which shows their notes."""
    readers = logging.getLogger("tuneline.datasets")
    level = readers.level
    readers.setLevel(logging.ERROR)
    try:
        yield
    finally:
        readers.setLevel(level)


def count_reasons(table: pl.DataFrame) -> list[Rejected]:
    """Count the rejected rows by reason, most first."""
    counts = (
        table.filter(pl.col("reason").is_not_null())
        .with_columns(reason=cut_reason(pl.col("reason")))
        .group_by("reason", maintain_order=True)
        .agg(pl.len(), pl.col(LINE).first())
        .sort("len", descending=True, maintain_order=True)
    )
    return [Rejected(reason, rows, str(line)) for reason, rows, line in counts.rows()]

"""Nodes that clean: raw → clean + rejected + cleaning_report."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import plotly.graph_objects as go
import polars as pl
from polars.selectors import by_name

from tuneline.parameters import Data
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.cleaning_plot import draw_cleaning
from tuneline.pipelines.prepare.cleaning_report import CleaningReport
from tuneline.pipelines.prepare.rejections import check_cleaned
from tuneline.pipelines.prepare.repetitions import SeenKeys, find_repetitions
from tuneline.progress import RowProgress
from tuneline.rows import SOURCE, RowSource, list_fields, show_originals
from tuneline.streams import Stream, divide
from tuneline.terminal import FORMULA_START

# People open the rejected rows as a sheet, where a text that begins so would be a formula.
SHOWN = by_name("source", "original", require_all=False)
MARKED = SHOWN.str.replace(f"^('*{FORMULA_START})", "'$1")
Pair = tuple[pl.DataFrame, pl.DataFrame]
Outputs = tuple[Stream[pl.DataFrame], Stream[pl.DataFrame], Stream[dict[str, Any]]]


def clean_rows(raw: RowSource, data: Data) -> Outputs:
    """Apply the cleaning rules to every row.

    Args:
        raw: the rows as they came.
        data: which columns to read and which rules to apply.

    Returns:
        Clean rows (`line`, id, columns) and rejected rows (`line`, `reason`, `original`; of several
        files also `source`), together as many as there are raw rows; and the cleaning report, which
        is ready after them.

    Raises:
        TunelineError: once the report is written, if nearly all rows were rejected for one reason
            and too few are left to divide.
    """
    report = CleaningReport(data)
    clean, rejected = divide(_clean_batches(raw, data, report))
    return clean, rejected, Stream(_tell(raw, data, report))


def plot_cleaning(cleaning_report: dict[str, Any]) -> go.Figure:
    """Draw why rows were dropped, which rules changed rows, and how long texts are.

    Args:
        cleaning_report: as `clean_rows` made it.

    Returns:
        The figure.
    """
    return draw_cleaning(cleaning_report)


def _clean_batches(raw: RowSource, data: Data, report: CleaningReport) -> Iterator[Pair]:
    seen = {name: SeenKeys() for name in data.rules.unique}
    progress = RowProgress("Cleaning")
    for table in raw.map(list_fields(data), partial(clean_batch, data=data)):
        judged = find_repetitions(table, seen)
        report.add(judged)
        progress.advance(judged.height, raw.share)
        yield _divide(judged, data)
    progress.finish()


def _tell(raw: RowSource, data: Data, report: CleaningReport) -> Iterator[dict[str, Any]]:
    told = report.tell(raw)
    yield told
    check_cleaned(raw.path, told, data)


def _divide(judged: pl.DataFrame, data: Data) -> Pair:
    kept = pl.col("reason").is_null()
    names = dict.fromkeys(["line", *list_fields(data).names])
    source = [pl.col(SOURCE).alias("source")] if SOURCE in judged.columns else []
    rejected = judged.filter(~kept).select("line", *source, "reason", "original")
    return (
        judged.filter(kept).select(*names),
        rejected.with_columns(original=show_originals(rejected["original"])).with_columns(MARKED),
    )

"""Nodes that make pairs of clean rows: questions and answers of a table, parts of documents."""

import logging

import pandas as pd
import polars as pl

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.document_pairs import pair_documents
from tuneline.pipelines.prepare.table_pairs import pair_table
from tuneline.streams import Stream

log = logging.getLogger(__name__)


def make_pairs(clean: pl.LazyFrame, data: Data) -> tuple[Stream[pl.DataFrame], pd.DataFrame]:
    """Make the rows that examples are made of, where a clean row is not one already.

    Args:
        clean: the clean rows of a table, or documents.
        data: holds `table` or `documents`.

    Returns:
        The pairs, and a report of how they were made: see `pair_table` and `pair_documents`.

    Raises:
        TunelineError: if none can be made.
    """
    rows = clean.collect()
    if data.table:
        pairs, report = pair_table(rows, data, data.table)
        log.info("Pairs: %s questions about %s rows.", f"{pairs.height:,}", rows.height)
        _warn_of_slips(report)
    else:
        pairs, report = pair_documents(rows, data, data.documents)  # type: ignore[arg-type]
        _tell_problems(report, data)
    return Stream([pairs]), report


def _warn_of_slips(report: pd.DataFrame) -> None:
    for row in report[report["slips"] > 0].to_dict("records"):
        problem = Problem(
            where="data.table.kinds",
            value=row["kind"],
            wrong=f"{row['slips']:,} of {row['questions']:,} questions look broken, the first by "
            f"{row['first_slip']}",
            matters="a model would learn to write so",
            remedy="put the item into quotation marks or after a colon in the template, or correct "
            "the cell",
        )
        log.warning("%s", problem)


def _tell_problems(report: pd.DataFrame, data: Data) -> None:
    """Warn of documents that are left out; fail if all of them are."""
    broken = report[report["problem"] != ""]
    problems = [
        Problem(
            where="data.documents.parts",
            wrong=f"{row[data.id]}: {row['problem']}",
            matters="the document is left out",
            remedy="add the heading as it is written there, or mend the document",
        )
        for _, row in broken.iterrows()
    ]
    if len(broken) == len(report):
        raise TunelineError(*problems)
    for problem in problems:
        log.warning("%s", problem)

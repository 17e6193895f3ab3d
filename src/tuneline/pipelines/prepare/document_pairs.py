"""Pairs of documents: one row each, a column for each part."""

import pandas as pd
import polars as pl

from tuneline.parameters import Data, Documents
from tuneline.pipelines.prepare.document_parts import find_parts
from tuneline.rows import LINE


def pair_documents(
    clean: pl.DataFrame, data: Data, documents: Documents
) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Find the parts of every document.

    Args:
        clean: the documents, one a row.
        data: names the id.
        documents: names the column and the headings.

    Returns:
        One row for each document whose every part was found (`line`, id, a column for each part);
        and for each document `line`, id, `problem` (empty if there is none), `before` (characters
        in front of the first part, which are left out), and the characters of each part.
    """
    names = list(dict.fromkeys([LINE, data.id]))
    rows, report = [], []
    for row in clean.iter_rows(named=True):
        known = {name: row[name] for name in names}
        parts = find_parts(row[documents.column], documents)
        sizes = {name: len(text) for name, text in parts.texts.items()}
        problem = "; ".join(parts.problems)
        report.append({**known, "problem": problem, "before": parts.before, **sizes})
        if not parts.problems:
            rows.append({**known, **parts.texts})
    columns = [*names, *documents.columns]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String)), pd.DataFrame(report)

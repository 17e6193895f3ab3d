"""What to say if nearly all rows were rejected for one reason."""

import logging
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters import Data

log = logging.getLogger(__name__)

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
    named = sum(len(ids) for _, ids in data.split.fixed)
    sizes = [size for size in (data.split.test, data.split.validation) if size is not None]
    return named + sum(size if isinstance(size, int) else 1 for size in sizes)


def _find_remedy(reason: str, encoding: str | None) -> str:
    remedy = next(remedy for sign, remedy in REMEDIES.items() if sign in reason)
    return remedy.format(column=reason.split(" is ", maxsplit=1)[0], encoding=encoding or "…")

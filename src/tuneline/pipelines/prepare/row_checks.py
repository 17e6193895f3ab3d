"""Whether enough rows are left by the cleaning, and can be divided as the configuration says."""

import logging
from typing import Any

import polars as pl

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.examples import read_rule
from tuneline.parameters import Data, Split
from tuneline.streaming import LINE

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
    "another language": "leave `data.rules.language` out, or name the language of the rows",
    "no letter and no number": "set `data.rules.drop_not_text: false`",
    "cells not as in the header": "state `separator` in the catalog, and put cells that hold it "
    "into double quotes",
    "not CSV": "put cells that hold a quote into double quotes, and double the quote in them",
    "never closed": "put cells that hold a quote into double quotes, and double the quote in them",
    "not JSON": "write one JSON object a line, or one list of objects",
    "not a JSON object": "write one JSON object a line, or one list of objects",
    "not text but": "write the column as text in the raw file, or let `data.columns` name another",
    "no field": "name a field that the rows have in `data`",
    "messages have more": "state `data.conversations` (docs/prepare.md)",
    "conversation has more": "raise `data.conversations.max_turns`, or set "
    "`data.conversations.overlong: cut`",
    "conversation": "let each conversation be questions and answers in turn, in messages with "
    "`role` and `content` (docs/prepare.md)",
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


def check_columns(clean: pl.LazyFrame, data: Data) -> None:
    """Refuse clean rows that lack a column which examples are made of.

    Raises:
        TunelineError: naming the nearest column for each that is missing.
    """
    there = clean.collect_schema().names()
    named = [("id", data.id), *(("columns", column) for column in data.row_columns)]
    named += [("category", data.category or ""), ("key_terms", data.key_terms or "")]
    named += [("slices", column) for column in data.slices]
    named += [(f"answer_rules.{kind}", column) for kind, column in data.answer_rules if column]
    missing = [(key, column) for key, column in named if column and column not in there]
    if missing:
        raise TunelineError(*(_no_such_column(*one, there) for one in missing))


def check_answer_rules(rows: pl.DataFrame, data: Data) -> None:
    """Refuse rules of single rows that cannot be read.

    Raises:
        TunelineError: with the first rows of each column whose rule is none.
    """
    problems = []
    for kind in ("pattern", "number"):
        column = getattr(data.answer_rules, kind)
        if column is None:
            continue
        broken = []
        for line, cell in rows.select("line", column).sort("line").iter_rows():
            try:
                read_rule(kind, cell)
            except ValueError:
                broken.append((line, cell))
        if broken:
            lines = ", ".join(str(line) for line, _ in broken[:5])
            problems.append(
                Problem(
                    where=f"data.answer_rules.{kind}: column {column}, line {lines}",
                    value=str(broken[0][1]),
                    wrong=f"this is no {'number' if kind == 'number' else 'regular expression'} "
                    f"({len(broken):,} rows)",
                    matters="no answer could be held against it",
                    remedy="correct these cells in the raw data, or leave them empty",
                )
            )
    if problems:
        raise TunelineError(*problems)


def warn_of_repeated_ids(rows: pl.DataFrame, name: str) -> None:
    """Name ids that are on several rows."""
    repeated = rows.filter(pl.col("id").is_duplicated()).sort("line")
    if repeated.height:
        first = repeated["id"][0]
        lines = repeated.filter(id=first)["line"].to_list()
        log.warning(
            "data.id = %s: %s ids are on several rows, `%s` for one on the lines %s. All these "
            "rows are used; `meta.line` tells them apart.",
            name,
            f"{repeated['id'].n_unique():,}",
            first,
            ", ".join(map(str, lines[:5])),
        )


def check_size(rows: int, sizes: dict[str, int], split: Split) -> None:
    """Refuse splits that leave nothing to train on.

    `sizes` of test and validation are 0 for a split of named rows.

    Raises:
        TunelineError: if the splits take all rows.
    """
    pinned = {name: len(ids) for name, ids in split.pinned}
    if rows <= sum(sizes.values()) + sum(pinned.values()):
        raise TunelineError(
            Problem(
                where="data.split",
                value=" + ".join(
                    f"{name} {pinned[name] or size:,}" for name, size in sizes.items()
                ),
                wrong=f"there are only {rows:,} clean rows to divide",
                matters="none would be left to train on",
                remedy="lower `test` and `validation`, or bring more rows (rejected.csv says why "
                "rows were dropped)",
            )
        )


def check_splits(splits: pl.DataFrame, rows: pl.DataFrame, data: Data) -> None:
    """Refuse an empty split.

    Raises:
        TunelineError: naming the split, and the column that is the reason.
    """
    empty = {"train", "validation", "test"} - set(splits["split"])
    if not empty:
        return
    groups = rows.group_by("category").agg(pl.col("group").n_unique())["group"]
    if data.category and (groups == 1).sum() > len(groups) / 2:
        raise TunelineError(_too_many_categories(min(empty), groups, data))
    raise TunelineError(
        Problem(
            where="data.split.group",
            value=data.split.group,
            wrong=f"no row is left for {min(empty)}",
            matters="equal groups stay together, and some of them are larger than a split",
            remedy="group by a column with more different values, or raise `test` and `validation`",
        )
    )


def _too_many_categories(split: str, groups: pl.Series, data: Data) -> Problem:
    return Problem(
        where="data.category",
        value=data.category,
        wrong=f"no row is left for {split}: {(groups == 1).sum():,} of {len(groups):,} categories "
        "have a single row or group",
        matters="a category with one of them can only train",
        remedy="name a column with fewer different values, or set `category: null`",
    )


def warn_of_sizes(splits: pl.DataFrame, sizes: dict[str, int], split: Split) -> None:
    """Say where whole groups make a split larger or smaller than stated."""
    for name, size in sizes.items():
        rows = splits.filter(split=name).height
        if size and rows != size:
            log.warning(
                "data.split.%s = %s: it has %s rows, because groups stay whole (`data.split.group` "
                "is `%s`).",
                name,
                f"{size:,}",
                f"{rows:,}",
                split.group,
            )


def _no_such_column(key: str, column: str, there: list[str]) -> Problem:
    names = [name for name in there if name != LINE or key == "id"]
    return Problem(
        where=f"data.{key}",
        value=column,
        wrong="the clean rows have no such column",
        matters="examples are made of it",
        remedy=f"{suggest(column, names)}, or clean the raw rows again",
    )


def check_cleaned(cleaning_report: dict[str, Any], data: Data) -> None:
    """Refuse rows of which nearly all were rejected for one reason, and warn if some are left.

    Raises:
        TunelineError: naming the reason and what helps, if too few rows are left to divide.
    """
    reasons = cleaning_report["reasons"]
    reason = max(reasons, key=reasons.__getitem__, default="")
    if not reasons or reasons[reason] < NEARLY_ALL * cleaning_report["rows"]:
        return
    clean = cleaning_report["clean"]
    problem = Problem(
        where=cleaning_report["source"],
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

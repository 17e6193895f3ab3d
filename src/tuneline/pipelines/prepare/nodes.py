"""The nodes of the stage: raw → clean + rejected (→ pairs) → rows → examples."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from polars.selectors import by_name

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, list_examples
from tuneline.models.fingerprints import describe_preparation
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.cleaning_report import CleaningReport
from tuneline.pipelines.prepare.conversations import mark_known_turns, outline_conversations
from tuneline.pipelines.prepare.document_pairs import pair_documents
from tuneline.pipelines.prepare.feedback_leaks import (
    choose_feedback,
    describe_feedback,
    find_feedback_leaks,
    warn_of_leaks,
)
from tuneline.pipelines.prepare.forms import make_forms
from tuneline.pipelines.prepare.leak_report import CLEAN, describe_check, list_copies, list_leaks
from tuneline.pipelines.prepare.leaks import separate
from tuneline.pipelines.prepare.masking import Placeholders
from tuneline.pipelines.prepare.pairs import pair_table
from tuneline.pipelines.prepare.repetitions import SeenKeys, find_repetitions
from tuneline.pipelines.prepare.row_checks import check_answer_rules, check_cleaned, check_columns
from tuneline.pipelines.prepare.seen_rows import find_seen_lines
from tuneline.pipelines.prepare.spark_cleaning import clean_in_spark
from tuneline.pipelines.prepare.spark_leaks import find_near_in_spark
from tuneline.pipelines.prepare.spark_splitting import refuse_start, split_in_spark
from tuneline.pipelines.prepare.splitting import SPLITS, assign_splits, read_rows
from tuneline.spark.tables import SparkRows, SparkSample, SparkTable
from tuneline.streaming import (
    LINE,
    SOURCE,
    RowSource,
    list_fields,
    map_ahead,
    run_ahead,
    show_originals,
)
from tuneline.utils.files import replace_whole
from tuneline.utils.progress import Progress
from tuneline.utils.terminal import FORMULA_START

log = logging.getLogger(__name__)


# People open the rejected rows as a sheet, where a text that begins so would be a formula.
SHOWN = by_name("source", "original", require_all=False)
MARKED = SHOWN.str.replace(f"^('*{FORMULA_START})", "'$1")
CLEAN_CSV, REJECTED_CSV = "clean.csv", "rejected.csv"


def clean_rows(
    raw: RowSource | SparkRows, data: Data, folder: Path
) -> tuple[Path, Path, dict[str, Any]]:
    """Apply the cleaning rules to every row.

    Returns:
        CSV files of the clean rows (`line`, id, columns) and of the rejected ones (`line`,
        `reason`, `original`; of several files also `source`), together as many as there are raw
        rows; and the cleaning report. In Spark they are folders with parts.
    """
    if isinstance(raw, SparkRows):
        return clean_in_spark(raw, data, folder, partial(_encode, data=data))
    report = CleaningReport(data)
    clean, rejected = folder / CLEAN_CSV, folder / REJECTED_CSV
    batches = enumerate(run_ahead(_clean_batches(raw, data, report)))
    with replace_whole(clean) as clean_file, replace_whole(rejected) as rejected_file:
        for kept, dropped in map_ahead(partial(_encode, data=data), batches):
            clean_file.write(kept)
            rejected_file.write(dropped)
    return clean, rejected, report.describe(raw)


def _clean_batches(raw: RowSource, data: Data, report: CleaningReport) -> Iterator[pl.DataFrame]:
    seen = {name: SeenKeys() for name in data.rules.unique}
    placeholders = Placeholders()
    with Progress("Cleaning", "rows") as progress:
        for table in raw.map(list_fields(data), partial(clean_batch, data=data)):
            judged = find_repetitions(table, seen)
            if data.rules.mask_personal_data:
                judged = placeholders.number(judged, data.columns)
            report.add(judged)
            progress.advance(judged.height, raw.share)
            yield judged
            del table, judged


def _encode(numbered: tuple[int, pl.DataFrame], data: Data) -> tuple[bytes, bytes]:
    """Write the clean and the rejected rows of a batch as CSV, the header before the first."""
    place, judged = numbered
    is_kept = pl.col("reason").is_null()
    kept = judged.filter(is_kept).select(*dict.fromkeys(["line", *list_fields(data).names]))
    clean, rejected = BytesIO(), BytesIO()
    kept.write_csv(clean, include_header=place == 0)
    _show_rejected(judged.filter(~is_kept)).write_csv(rejected, include_header=place == 0)
    return clean.getvalue(), rejected.getvalue()


def _show_rejected(rejected: pl.DataFrame) -> pl.DataFrame:
    source = [pl.col(SOURCE).alias("source")] if SOURCE in rejected.columns else []
    shown = rejected.select("line", *source, "reason", "original")
    return shown.with_columns(original=show_originals(shown["original"])).with_columns(MARKED)


def make_pairs(
    clean: pl.LazyFrame, cleaning_report: dict[str, Any], data: Data
) -> tuple[pl.DataFrame, pd.DataFrame]:
    """Make the rows that examples are made of, where a clean row is not one already.

    Raises:
        TunelineError: if none can be made, or nearly all rows were rejected for one reason.
    """
    check_cleaned(cleaning_report, data)
    rows = clean.collect()
    if data.table:
        pairs, report = pair_table(rows, data, data.table)
        log.info("Pairs: %s questions about %s rows.", f"{pairs.height:,}", rows.height)
        _warn_of_typos(report)
    else:
        pairs, report = pair_documents(rows, data, data.documents)  # type: ignore[arg-type]
        _log_problems(report, data)
    return pairs, report


def _warn_of_typos(report: pd.DataFrame) -> None:
    for row in report[report["typos"] > 0].to_dict("records"):
        problem = Problem(
            where="data.table.kinds",
            value=row["kind"],
            wrong=f"{row['typos']:,} of {row['questions']:,} questions look broken, the first by "
            f"{row['first_typo']}",
            matters="a model would learn to write so",
            remedy="put the item into quotation marks or after a colon in the template, or correct "
            "the cell",
        )
        log.warning("%s", problem)


def _log_problems(report: pd.DataFrame, data: Data) -> None:
    """Warn of documents that are left out; fail if all of them are."""
    broken = report[report["problem"] != ""]
    problems = [
        Problem(
            where="data.documents",
            wrong=f"{row[data.id]}: {row['problem']}",
            matters="the document is left out",
            remedy="add the heading as it is written there, or fix the document",
        )
        for _, row in broken.iterrows()
    ]
    if len(broken) == len(report):
        raise TunelineError(*problems)
    for problem in problems:
        log.warning("%s", problem)


def split_rows(
    pairs: pl.LazyFrame | SparkTable,
    data: Data,
    cleaning_report: dict[str, Any] | None = None,
    prompt: Prompt | None = None,
    start_from: str | None = None,
) -> pl.DataFrame | SparkSample:
    """Sample the rows and divide them.

    What the adapter `start_from` has seen is not held out.

    Returns:
        `line`, `split`, `_group` (null where a row belongs to no other) and the columns that
        examples are made of. One split follows the other, each in a seeded order; rows of one group
        are all in one split. Leaks between the splits are still in them: see `check_leaks`. In
        Spark they are in parts.

    Raises:
        TunelineError: if a column is missing, or there are too few rows to divide; if that is so
            because nearly all were rejected for one reason, with what helps.
    """
    if cleaning_report:
        check_cleaned(cleaning_report, data)
    rows: pl.DataFrame | SparkSample
    if isinstance(pairs, SparkTable):
        check_columns(pairs.scan(), data)
        refuse_start(start_from)
        rows = split_in_spark(pairs, data)
        told = rows.scan().select(LINE, "split", *data.answer_rules.list_columns()).collect()
    else:
        check_columns(pairs, data)
        seen = find_seen_lines(pairs, data, prompt, start_from) if prompt and start_from else []
        rows = told = read_rows(pairs, assign_splits(pairs, data, seen), data)
    check_answer_rules(told, data)
    log.info("Rows: %s.", _count_splits(told))
    return rows


def check_leaks(
    rows: pl.DataFrame | SparkSample,
    data: Data,
    prompt: Prompt,
    evaluation: Evaluation,
    feedback: Sequence[Example] = (),
    start_from: str | None = None,
) -> tuple[pl.DataFrame, pd.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Take out of the splits what is in two of them or asks a fixed question.

    Returns:
        The rows without leaks, those that were moved into training after its own; a table of the
        leaks, the feedback's last; the copies within training; and the report, with the settings
        (`inputs`) that the examples follow from.

    Raises:
        TunelineError: if a split would be empty without its leaks.
    """
    log.info("Leak check: %s rows.", f"{rows.height:,}")
    if isinstance(rows, SparkSample):
        forms, near = find_near_in_spark(rows, data, prompt, evaluation.questions)
        rows = rows.scan().collect()  # those that are left become examples
        outlined = outline_conversations(rows, data)
    else:
        outlined = outline_conversations(rows, data)
        forms, near = make_forms(outlined, evaluation.questions, prompt), None
    kept, found, copies = separate(forms, data.leaks, near)
    places = kept.filter(pl.col("split") != "question")
    left = mark_known_turns(rows[places["row"]].with_columns(places["split"]), data)
    table = list_leaks(found, outlined, evaluation.questions, data, prompt)
    report = describe_check(found, copies, forms, kept, left, data)
    if feedback:
        held_out = {split: make_examples(left, split, data, prompt) for split in SPLITS[1:]}
        known = find_feedback_leaks(feedback, held_out, evaluation.questions, data, prompt)
        warn_of_leaks(known)
        table = pd.concat([table, known], ignore_index=True) if len(known) else table
        report |= describe_feedback(feedback, known, report)
    report["inputs"] = describe_preparation(data, prompt, evaluation, start_from)
    log.log(logging.INFO if report["summary"] == CLEAN else logging.WARNING, report["summary"])
    return left, table, list_copies(copies, rows, data), report


def build_examples(
    rows: pl.DataFrame,
    data: Data,
    prompt: Prompt,
    feedback: Sequence[Example] = (),
    leaks: pd.DataFrame | None = None,
) -> tuple[list[Example], list[Example], list[Example]]:
    """Fill the prompt templates.

    `leaks` says which of the feedback is about what is held out; the rest follows the training's
    own examples.
    """
    train, validation, test = (make_examples(rows, split, data, prompt) for split in SPLITS)
    if leaks is not None:
        train += choose_feedback(feedback, leaks)
    counts = zip(SPLITS, map(len, (train, validation, test)), strict=True)
    log.info("Examples: %s.", ", ".join(f"{number:,} {split}" for split, number in counts))
    return train, validation, test


def make_examples(rows: pl.DataFrame, split: str, data: Data, prompt: Prompt) -> list[Example]:
    """Fill the prompt templates with the rows of a split."""
    chosen = rows.filter(split=split).iter_rows(named=True)
    return [example for row in chosen for example in list_examples(row, data, prompt)]


def _count_splits(rows: pl.DataFrame) -> str:
    return ", ".join(f"{rows.filter(split=split).height:,} {split}" for split in SPLITS)

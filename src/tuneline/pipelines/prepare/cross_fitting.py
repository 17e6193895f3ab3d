"""Few rows: all of them are held out, each once, in as many parts as there are adapters.

The prediction of a row comes from an adapter that was trained without it (cross-fitting, the
predictions of a k-fold cross-validation; Stone 1974). A fold's training has what the use case
states: rows to learn from, and rows that watch.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import polars as pl

from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.models.fingerprints import describe_preparation
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.conversations import mark_known_turns, outline_conversations
from tuneline.pipelines.prepare.feedback_leaks import (
    choose_feedback,
    describe_feedback,
    find_feedback_leaks,
)
from tuneline.pipelines.prepare.folds import divide_folds, list_groups, split_fold
from tuneline.pipelines.prepare.forms import make_forms
from tuneline.pipelines.prepare.leak_report import (
    CLEAN,
    count_shared_prompts,
    describe_check,
    list_copies,
    list_leaks,
)
from tuneline.pipelines.prepare.leaks import LeakFinder, describe_emptied
from tuneline.pipelines.prepare.nodes import make_examples, split_rows
from tuneline.pipelines.prepare.splitting import SPLITS
from tuneline.spark.tables import SparkSample, SparkTable

log = logging.getLogger(__name__)

# Column with a row's place among all rows.
PLACE = "_place"


@dataclass(frozen=True)
class Part:
    """What one adapter is trained and tested on.

    Attributes:
        fold: that is held out; 0 for the released adapter, which is tested on none.
        splits: of each row that is used, by its place.
        found: what was left out next to a duplicate, as `LeakFinder` gives it.
        copies: rows of its training that are like an earlier one, as `LeakFinder` gives them.
        shared: its prompts that two splits have, as `count_shared_prompts` gives them.
    """

    fold: int
    splits: dict[int, str]
    found: pl.DataFrame
    copies: pl.DataFrame
    shared: dict[str, int]


def split_all_rows(
    pairs: pl.LazyFrame | SparkTable, data: Data, cleaning_report: dict[str, Any] | None = None
) -> pl.DataFrame:
    """Sample the rows and choose those that watch, as `split_rows` does, for the smallest test."""
    split = data.split.model_copy(update={"test": 1})
    rows = split_rows(pairs, data.model_copy(update={"split": split}), cleaning_report)
    return rows.scan().collect() if isinstance(rows, SparkSample) else rows


def cross_fit_examples(
    rows: pl.DataFrame,
    data: Data,
    prompt: Prompt,
    evaluation: Evaluation,
    feedback: Sequence[Example] = (),
) -> list[Any]:
    """Make the examples of the released adapter and of every fold.

    A row that asks a fixed question is dropped. Every other row is tested once. Of two rows that
    are duplicates the one that is not held out is left out of that fold's training, whatever the
    policy says: to move a row into training would leave it untested.

    Returns:
        Examples of the released adapter (train, validation) and all that are tested; the rows of
        the former; the table of the leaks, with the `fold` they are in (0 for the released
        adapter), the copies within training, and the report; then of each fold train, validation
        and test.

    Raises:
        TunelineError: if there are too few groups for so many folds.
    """
    count = evaluation.cross_fit or 0
    outlined = outline_conversations(rows, data)
    forms = make_forms(outlined, evaluation.questions, prompt)
    asks = pl.when(split="question").then("split").otherwise(pl.lit("test"))  # each is held out
    finder = LeakFinder(
        forms.with_columns(split=asks), data.leaks.model_copy(update={"policy": "drop"})
    )
    everyone = dict.fromkeys(range(rows.height), "test")
    asking = _find_part(finder, forms, everyone, 0).found
    left = forms.join(asking, on="row", how="anti", maintain_order="left")
    tested = dict.fromkeys(left.filter(pl.col("split") != "question")["row"], "test")
    groups = list_groups(rows.with_row_index("row")[list(tested)], data)
    folds = divide_folds(groups, count)
    released = {row: "validation" if one.watches else "train" for one in groups for row in one.rows}
    size = list(released.values()).count("validation")
    parts = [_find_part(finder, left, released, 0)] + [
        _find_part(finder, left, split_fold(groups, folds, number, size), number)
        for number in range(1, count + 1)
    ]

    released_rows, *fold_rows = (_list_used(rows, part, data) for part in parts)
    tested_rows = pl.concat(one.filter(split="test") for one in fold_rows).sort(PLACE)

    log.info(
        "Cross-fitting: %s rows in %s folds, each held out once.",
        f"{len(tested):,}",
        len(parts) - 1,
    )
    table, listed, report = _describe_leaks(
        outlined,
        pl.concat([released_rows, tested_rows], how="diagonal"),
        *(forms, left, asking, parts, data, prompt, evaluation),
    )
    made = [
        [make_examples(divided, split, data, prompt) for split in SPLITS]
        for divided in (released_rows, *fold_rows)
    ]
    if feedback:
        questions = evaluation.questions
        known = _add_feedback(feedback, made, questions, data, prompt)
        table = pd.concat([table, *known], ignore_index=True)
        report |= describe_feedback(feedback, known[0], report)
    return [
        *made[0][:2],
        make_examples(tested_rows, "test", data, prompt),
        released_rows.drop(PLACE),
        *(table, listed, report),
        *(examples for part in made[1:] for examples in part),
    ]


def _add_feedback(
    feedback: Sequence[Example],
    made: list[list[list[Example]]],
    questions: list[str],
    data: Data,
    prompt: Prompt,
) -> list[pd.DataFrame]:
    """Let every adapter learn the feedback that is not about its own held-out rows; list the rest.

    `made` has training, which grows, validation and test of the released adapter and of each fold.
    """
    tables = []
    for fold, (train, validation, test) in enumerate(made):
        held_out = {"validation": validation, "test": test}
        tables.append(find_feedback_leaks(feedback, held_out, questions, data, prompt))
        train.extend(choose_feedback(feedback, tables[-1]))
        tables[-1]["fold"] = fold
    return tables


def _find_part(finder: LeakFinder, forms: pl.DataFrame, splits: dict[int, str], fold: int) -> Part:
    """Leave out what is in two splits of one adapter; the held-out rows stay."""
    places = pl.col("row").replace_strict(splits, default="question", return_dtype=pl.String)
    divided = forms.with_columns(split=places)
    found = finder.find(divided)
    kept = divided.join(found, on="row", how="anti", maintain_order="left")
    left = {row: splits[row] for row in kept["row"] if row in splits}
    for split in set(splits.values()) - set(left.values()):
        raise TunelineError(describe_emptied(split, finder.leaks))
    needed = fold == 0 or finder.leaks.drop_copies
    copies = finder.find_copies(kept.filter(split="train") if needed else kept.clear())
    if finder.leaks.drop_copies:
        for row in copies["row"]:
            del left[row]
    return Part(fold, left, found, copies, count_shared_prompts(kept))


def _describe_leaks(
    rows: pl.DataFrame,
    used: pl.DataFrame,
    forms: pl.DataFrame,
    left: pl.DataFrame,
    asking: pl.DataFrame,
    parts: list[Part],
    data: Data,
    prompt: Prompt,
    evaluation: Evaluation,
) -> tuple[pd.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Describe the leaks of all parts as `check_leaks` describes those of three splits."""
    tables = [
        list_leaks(found, rows, evaluation.questions, data, prompt).assign(fold=fold)
        for fold, found in [(0, asking), *((part.fold, part.found) for part in parts)]
    ]
    shared = Counter(parts[0].shared)
    for part in parts[1:]:
        shared["test"] += part.shared["test"]
    found = pl.concat([asking, *(part.found for part in parts)])
    copies = parts[0].copies
    if data.leaks.drop_copies:  # the released adapter does not learn them, as others do not
        left = left.join(copies, on="row", how="anti")
    report = describe_check(found, copies, forms, left, used, data, dict(shared))
    alone = [part.found.height for part in parts]
    if any(alone):
        report["summary"] += (
            f" Left out of the training of one adapter, next to a duplicate: {sum(alone):,} rows."
        )
    report["folds"] = [[*part.splits.values()].count("test") for part in parts[1:]]
    report["inputs"] = describe_preparation(data, prompt, evaluation)
    log.log(logging.INFO if report["summary"] == CLEAN else logging.WARNING, report["summary"])
    return pd.concat(tables, ignore_index=True), list_copies(copies, rows, data), report


def _list_used(rows: pl.DataFrame, part: Part, data: Data) -> pl.DataFrame:
    """List the rows of one adapter in their order, with place, split and the turns it knows."""
    places = sorted(part.splits)
    splits = pl.Series([part.splits[place] for place in places])
    return mark_known_turns(rows.with_row_index(PLACE)[places].with_columns(split=splits), data)

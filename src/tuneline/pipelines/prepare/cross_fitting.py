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

from tuneline.errors import Problem, TunelineError
from tuneline.examples import SPLIT_GROUP, Example
from tuneline.models.fingerprints import describe_preparation
from tuneline.parameters import Data, Evaluation, Prompt
from tuneline.pipelines.prepare.conversations import mark_known_turns, outline_conversations
from tuneline.pipelines.prepare.feedback import (
    choose_feedback,
    describe_feedback,
    find_feedback_leaks,
)
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
from tuneline.streaming import LINE
from tuneline.utils.hashing import seeded_order

log = logging.getLogger(__name__)

# One that is held out, one to learn from, and one to watch.
LEAST_GROUPS = 3
# Column with a row's place among all rows.
PLACE = "_place"


@dataclass(frozen=True)
class Group:
    """Rows that stay together.

    Attributes:
        rows: their places.
        category: of most of them; empty without categories.
        watches: whether they are in the validation split of the released adapter.
        order: its place in a seeded order.
    """

    rows: list[int]
    category: str
    watches: bool
    order: int


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
    report["folds"] = [len(_list_tested(part)) for part in parts[1:]]
    report["inputs"] = describe_preparation(data, prompt, evaluation)
    log.log(logging.INFO if report["summary"] == CLEAN else logging.WARNING, report["summary"])
    return pd.concat(tables, ignore_index=True), list_copies(copies, rows, data), report


def _list_used(rows: pl.DataFrame, part: Part, data: Data) -> pl.DataFrame:
    """List the rows of one adapter in their order, with place, split and the turns it knows."""
    places = sorted(part.splits)
    splits = pl.Series([part.splits[place] for place in places])
    return mark_known_turns(rows.with_row_index(PLACE)[places].with_columns(split=splits), data)


def _list_tested(part: Part) -> list[int]:
    return [row for row, split in part.splits.items() if split == "test"]


def list_groups(rows: pl.DataFrame, data: Data) -> list[Group]:
    """List the groups of rows, in a seeded order that is not the file's."""
    name = pl.coalesce(SPLIT_GROUP, pl.concat_str(pl.lit("line\n"), pl.col(LINE).cast(pl.String)))
    category = pl.col(data.category).fill_null("") if data.category else pl.lit("")
    found = (
        rows.with_columns(name=name, kind=category.cast(pl.String))
        .group_by("name", maintain_order=True)
        .agg(pl.col("row"), pl.col("kind").mode().sort().first(), pl.col("split").first())
    )
    groups = [
        Group(
            one["row"],
            one["kind"],
            one["split"] == "validation",
            seeded_order(data.split.seed, "folds", one["name"]),
        )
        for one in found.iter_rows(named=True)
    ]
    return sorted(groups, key=lambda one: one.order)


def divide_folds(groups: list[Group], count: int) -> list[int]:
    """Divide groups into folds of like size, with each category in all of them.

    The largest group comes first, and each goes to the fold with the fewest rows; of several such
    folds to the one with the fewest rows of its category. Without groups the sizes differ by one
    row at most.

    Raises:
        TunelineError: if there are fewer groups than folds, or a fold would leave too few to
            learn from and to watch.
    """
    sizes, kinds = Counter[int](), Counter[tuple[int, str]]()
    folds = [0] * len(groups)
    order = sorted(
        range(len(groups)), key=lambda place: (-len(groups[place].rows), groups[place].category)
    )
    for place in order:
        one = groups[place]
        fold = min(
            range(1, count + 1), key=lambda fold: (sizes[fold], kinds[fold, one.category], fold)
        )
        folds[place] = fold
        sizes[fold] += len(one.rows)
        kinds[fold, one.category] += len(one.rows)
    if len(groups) < count or len(groups) - max(Counter(folds).values()) < LEAST_GROUPS - 1:
        raise TunelineError(_too_few(groups, count))
    return folds


def _too_few(groups: list[Group], count: int) -> Problem:
    rows = sum(len(one.rows) for one in groups)
    basis = f"{rows:,} rows" if rows == len(groups) else f"{rows:,} rows in {len(groups):,} groups"
    change = "raise it, or " if len(groups) > count else ""
    if LEAST_GROUPS <= len(groups) < count:
        change = f"lower it to {len(groups)} or less, or "
    return Problem(
        where="evaluation.cross_fit",
        value=count,
        wrong=f"there are only {basis}",
        matters="each fold holds a group out, and needs two others: to learn from, and to watch",
        remedy=f"{change}bring more rows (rejected.csv says why rows were dropped)",
    )


def split_fold(groups: list[Group], folds: list[int], number: int, size: int) -> dict[int, str]:
    """Give the rows of a fold's training their splits.

    Those that watch the released adapter's training watch here, too, where they are not held out;
    others take the places of those that are.
    """
    splits = {
        row: "test"
        for one, fold in zip(groups, folds, strict=True)
        if fold == number
        for row in one.rows
    }
    others = [one for one, fold in zip(groups, folds, strict=True) if fold != number]
    others.sort(key=lambda one: not one.watches)  # stable: the seeded order stays
    watching = 0
    for place, one in enumerate(others):
        watches = not watching or (watching < size and place < len(others) - 1)
        watching += len(one.rows) * watches
        splits |= dict.fromkeys(one.rows, "validation" if watches else "train")
    return splits

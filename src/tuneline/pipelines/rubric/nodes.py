"""Nodes of the rubric stage. On a machine that states `rubric: null` they ask nobody."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation, Prompt, Rubric
from tuneline.pipelines.rubric.agreement import DISAGREES, check_judge
from tuneline.pipelines.rubric.feedback import read_feedback
from tuneline.pipelines.rubric.judge import account_judgments, rate_pairs, read_judgments
from tuneline.pipelines.rubric.page import render_rating_page
from tuneline.pipelines.rubric.ratings import summarize_choices, summarize_ratings
from tuneline.pipelines.rubric.sheet import (
    RATING_COLUMNS,
    Pair,
    choose_pairs,
    date_sheet,
    describe_sheet,
    find_fault,
    make_key,
    make_sheet,
    read_sheet,
)
from tuneline.utils.caches import Cache
from tuneline.utils.terminal import show

log = logging.getLogger(__name__)
# Begins the names of files that a computer puts next to the sheets by itself.
NO_SHEET = (".", "~$")


def judge_answers(
    answers: list[dict[str, Any]], judge_responses: Cache, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Have a judge model rate the answers, blind and in both orders.

    There are none without a judge.
    """
    rubric = evaluation.rubric
    if rubric is None or rubric.judge is None:
        return []
    pairs = choose_pairs(answers, evaluation, rubric)
    log.info("%s rates %s pairs of answers, each in both orders.", rubric.judge.model, len(pairs))
    judgments = rate_pairs(pairs, rubric, rubric.judge, judge_responses)
    account = account_judgments(judgments)
    log.info("Judge: %s", ", ".join(f"{n} {status}" for status, n in account["statuses"].items()))
    return judgments


def make_rating_sheet(
    answers: list[dict[str, Any]], evaluation: Evaluation
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, Any]]]:
    """Make the blinded sheet and its key, by the sheet's name; none unless `rubric.people`."""
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return {}, {}
    pairs = choose_pairs(answers, evaluation, rubric)
    name, sheet = make_sheet(pairs, rubric)
    return {name: sheet}, {name: make_key(pairs)}


def make_rating_page(answers: list[dict[str, Any]], evaluation: Evaluation) -> dict[str, str]:
    """Make the blinded sheet as an HTML page by its name; none unless `rubric.people`."""
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return {}
    name, sheet = make_sheet(choose_pairs(answers, evaluation, rubric), rubric)
    return {name: render_rating_page(name, sheet, evaluation.title)}


def read_ratings(
    completed_sheets: dict[str, Callable[[], pd.DataFrame]],
    answers: list[dict[str, Any]],
    evaluation: Evaluation,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Read the sheets that people have filled in, and account for every sheet.

    Ratings have `rater`, `id`, `criterion`, `base`, `tuned`.
    """
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return pd.DataFrame(columns=RATING_COLUMNS), []
    pairs = choose_pairs(answers, evaluation, rubric)
    rows: list[dict[str, Any]] = []
    accounts = []
    for name, sheet in sorted(_open_sheets(completed_sheets, pairs, rubric), key=_date):
        if isinstance(sheet, str):
            accounts.append(describe_sheet(name, note=sheet))
            log.warning("The rating sheet %s is not used: %s.", show(name), sheet)
            continue
        read, account = read_sheet(name, sheet, pairs, rubric)
        rows += read
        accounts.append(account)
    # Of two sheets by one rater the one that was saved later counts, where both rate the same.
    ratings = pd.DataFrame(rows, columns=RATING_COLUMNS).drop_duplicates(
        ["rater", "number", "criterion"], keep="last"
    )
    ordered = sorted(accounts, key=lambda account: account["rater"])
    return ratings.sort_values(["rater", "number"], kind="stable", ignore_index=True), ordered


def collect_feedback(
    completed_sheets: dict[str, Callable[[], pd.DataFrame]],
    answers: list[dict[str, Any]],
    scores: dict[str, Any],
    prompt: Prompt,
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Collect the better answers that people have written.

    Sheets on other answers were collected when these were the answers.
    """
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return []
    pairs = choose_pairs(answers, evaluation, rubric)
    return [
        row
        for name, sheet in sorted(_open_sheets(completed_sheets, pairs, rubric), key=_date)
        if not isinstance(sheet, str)
        for row in read_feedback(name, sheet, pairs, scores["run"]["adapter"], prompt)
    ]


def _open_sheets(
    completed_sheets: dict[str, Callable[[], pd.DataFrame]], pairs: list[Pair], rubric: Rubric
) -> Iterator[tuple[str, pd.DataFrame | str]]:
    """Open the files of the folder: name without its suffix, and the sheet, or what is wrong."""
    for name, load in completed_sheets.items():
        if Path(name).name.startswith(NO_SHEET):
            continue
        try:
            sheet = load()
            opened = find_fault(sheet, pairs, rubric) or sheet
        except TunelineError as error:
            opened = error.problems[0].wrong
        except DatasetError:
            opened = "it is no XLSX file"
        yield re.sub(r"\.xlsx$", "", name, flags=re.IGNORECASE), opened


def _date(opened: tuple[str, pd.DataFrame | str]) -> tuple[str, str]:
    name, sheet = opened
    return "" if isinstance(sheet, str) else date_sheet(sheet), name


def summarize_rubric(
    judgments: list[dict[str, Any]],
    ratings: pd.DataFrame,
    sheet_status: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    evaluation: Evaluation,
    feedback: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Sum the ratings up: before, after, change in percent.

    `feedback` is all that was collected so far, the chat's too.

    Returns:
        `judge` and `people`, each with `criteria` (see `summarize_ratings`) and how they came
        about; of the judge first the `agreement` with people (see `check_judge`). Empty without a
        rubric.
    """
    rubric = evaluation.rubric
    if rubric is None:
        return {}
    pairs = choose_pairs(answers, evaluation, rubric)
    found: dict[str, Any] = {}
    if rubric.judge:
        rated = read_judgments(judgments)
        agreement = check_judge(rated, ratings, pairs, evaluation, rubric)
        if agreement:
            level = logging.WARNING if agreement["status"] == DISAGREES else logging.INFO
            log.log(level, agreement["summary"])
        found["judge"] = {
            "agreement": agreement,
            "model": rubric.judge.model,
            **account_judgments(judgments),
            "criteria": summarize_ratings(rated, pairs, evaluation, rubric),
        }
    if rubric.people:
        found["people"] = {
            "sheets": sheet_status,
            "raters": int(ratings["rater"].nunique()),
            "choices": summarize_choices(ratings, pairs, evaluation),
            "better_answers": sum(bool(row["better_answer"]) for row in feedback),
            "criteria": summarize_ratings(ratings, pairs, evaluation, rubric),
        }
    return found

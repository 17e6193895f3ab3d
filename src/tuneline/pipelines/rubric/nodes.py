"""Nodes of the rubric stage. On a machine that states `rubric: null` they ask nobody."""

import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation
from tuneline.pipelines.rubric.ratings import (
    account_judgments,
    rate_pairs,
    read_judgments,
    summarize_ratings,
)
from tuneline.pipelines.rubric.sheet import (
    RATING_COLUMNS,
    choose_pairs,
    describe_sheet,
    make_key,
    make_sheet,
    read_sheet,
)
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


def judge_answers(
    answers: list[dict[str, Any]], judge_responses: Cache, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Have a judge model rate the answers, blind and in both orders.

    Args:
        answers: one row a prompt.
        judge_responses: where every response is kept, so that none is paid for twice.
        evaluation: the rubric and its judge.

    Returns:
        One row a pair, as `rate_pairs` gives them; none without a judge.
    """
    rubric = evaluation.rubric
    if rubric is None or rubric.judge is None:
        return []
    pairs = choose_pairs(answers, evaluation, rubric)
    log.info("%s rates %s pairs of answers, each in both orders.", rubric.judge.model, len(pairs))
    judgments = rate_pairs(pairs, rubric, rubric.judge, judge_responses, "evaluation.rubric.judge")
    account = account_judgments(judgments)
    log.info("Judge: %s", ", ".join(f"{n} {status}" for status, n in account["statuses"].items()))
    return judgments


def make_rating_sheet(
    answers: list[dict[str, Any]], evaluation: Evaluation
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, Any]]]:
    """Make the blinded sheet for people, and the key to it.

    Args:
        answers: one row a prompt.
        evaluation: the rubric.

    Returns:
        Sheet and key by the sheet's name; none unless `rubric.people`.
    """
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return {}, {}
    pairs = choose_pairs(answers, evaluation, rubric)
    name, sheet = make_sheet(pairs, rubric)
    return {name: sheet}, {name: make_key(pairs)}


def read_ratings(
    completed_sheets: dict[str, Callable[[], pd.DataFrame]],
    answers: list[dict[str, Any]],
    evaluation: Evaluation,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Read the sheets that people have filled in.

    Args:
        completed_sheets: what reads a sheet, by its file name.
        answers: one row a prompt.
        evaluation: the rubric.

    Returns:
        Ratings (`rater`, `id`, `criterion`, `base`, `tuned`), and an account of every sheet.
    """
    rubric = evaluation.rubric
    if rubric is None or not rubric.people:
        return pd.DataFrame(columns=RATING_COLUMNS), []
    pairs = choose_pairs(answers, evaluation, rubric)
    rows: list[dict[str, Any]] = []
    accounts = []
    for rater, load in sorted(completed_sheets.items()):
        try:
            read, account = read_sheet(rater, load(), pairs, rubric)
        except TunelineError as error:
            read, account = [], describe_sheet(rater, note=error.problems[0].wrong)
        except DatasetError:
            read, account = [], describe_sheet(rater, note="it is no XLSX file")
        rows += read
        accounts.append(account)
        if account["note"]:
            log.warning("The rating sheet %s is not used: %s.", rater, account["note"])
    return pd.DataFrame(rows, columns=RATING_COLUMNS), accounts


def summarize_rubric(
    judgments: list[dict[str, Any]],
    ratings: pd.DataFrame,
    sheet_status: list[dict[str, Any]],
    answers: list[dict[str, Any]],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Sum the ratings up: before, after, change in percent.

    Args:
        judgments: the judge's.
        ratings: people's.
        sheet_status: the account of their sheets.
        answers: one row a prompt.
        evaluation: the rubric.

    Returns:
        `judge` and `people`, each with `criteria` (see `summarize_ratings`) and how they came
        about; empty without a rubric.
    """
    rubric = evaluation.rubric
    if rubric is None:
        return {}
    pairs = choose_pairs(answers, evaluation, rubric)
    found: dict[str, Any] = {}
    if rubric.judge:
        rated = read_judgments(judgments)
        found["judge"] = {
            "model": rubric.judge.model,
            **account_judgments(judgments),
            "criteria": summarize_ratings(rated, pairs, evaluation, rubric),
        }
    if rubric.people:
        found["people"] = {
            "sheets": sheet_status,
            "raters": int(ratings["rater"].nunique()),
            "criteria": summarize_ratings(ratings, pairs, evaluation, rubric),
        }
    return found

"""Nodes of the rubric. Without one in the YAML they give nothing and ask nobody."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import DatasetError

from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation, Rubric
from tuneline.pipelines.evaluate.rubric.judge import rate_pairs
from tuneline.pipelines.evaluate.rubric.sheet import (
    RATING_COLUMNS,
    Pair,
    choose_pairs,
    describe_sheet,
    make_key,
    make_sheet,
    read_sheet,
)
from tuneline.statistics.comparison import Metric, compare_all
from tuneline.statistics.groups import Groupings, find_groups
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)


ORDERS = ("base first", "tuned first")


def summarize_ratings(
    ratings: pd.DataFrame, pairs: list[Pair], evaluation: Evaluation, rubric: Rubric
) -> dict[str, Any]:
    """Compare base and tuned on every criterion that has ratings.

    Args:
        ratings: one row a rater, prompt (by its `number`) and criterion, with the rating of `base`
            and of `tuned`.
        pairs: what was rated; prompts that depend on each other are one group.
        evaluation: confidence, resamples and seed.
        rubric: the criteria.

    Returns:
        By criterion what `compare_all` gives, with the `change` in per cent (None where base has 0)
        and the raters' `agreement` (None for a single one). A prompt counts once, with the mean of
        its ratings; the criteria share the error.
    """
    rows = {pair.number: pair.row for pair in pairs}
    found = {}
    for criterion in rubric.criteria:
        rated = ratings[ratings["criterion"] == criterion.name]
        if rated.empty:
            continue
        metric = Metric(
            criterion.name, criterion.name, "higher", criterion.description, decides_verdict=True
        )
        means = rated.groupby("number", sort=True)[["base", "tuned"]].mean()
        found[metric] = (means, measure_agreement(rated))
    return {
        metric.name: {
            **_compare(
                metric,
                means,
                find_groups([rows[number] for number in means.index]),
                evaluation.model_copy(
                    update={"confidence": 1 - (1 - evaluation.confidence) / len(found)}
                ),
            ),
            "agreement": agreement,
        }
        for metric, (means, agreement) in found.items()
    }


def read_judgements(judgments: list[dict[str, Any]]) -> pd.DataFrame:
    """Make ratings of a judge's scores: the mean of both orders, where both were rated.

    Args:
        judgments: one row a pair.

    Returns:
        Ratings with the rater `judge`.
    """
    rows = [
        {
            "rater": "judge",
            "number": number,
            "id": row["id"],
            "criterion": name,
            **{
                who: float(np.mean([row[order]["scores"][who][name] for order in ORDERS]))
                for who in ("base", "tuned")
            },
        }
        for number, row in enumerate(judgments, start=1)
        if all(row[order]["scores"] for order in ORDERS)
        for name in row[ORDERS[0]]["scores"]["base"]
    ]
    return pd.DataFrame(rows, columns=RATING_COLUMNS)


def account_judgements(judgments: list[dict[str, Any]]) -> dict[str, Any]:
    """Account for every request.

    Args:
        judgments: one row a pair.

    Returns:
        `requests`; how many ended with each `status`; `pairs` that both orders were rated of; by
        criterion how many pairs the two orders `disagree` on, each preferring another model.
    """
    both = [row for row in judgments if all(row[order]["scores"] for order in ORDERS)]
    statuses = Counter(row[order]["status"] for row in judgments for order in ORDERS)
    names = list(both[0][ORDERS[0]]["scores"]["base"]) if both else []
    return {
        "requests": 2 * len(judgments),
        "statuses": dict(statuses),
        "pairs": len(both),
        "disagree": {
            name: sum(
                _prefer(row, ORDERS[0], name) * _prefer(row, ORDERS[1], name) < 0 for row in both
            )
            for name in names
        },
    }


def measure_agreement(rated: pd.DataFrame) -> float | None:
    """Measure whether raters see the same difference between the two answers.

    Krippendorff's alpha (interval level; Krippendorff 2011) of tuned minus base. Over the ratings
    of both answers it would be high as soon as raters agree which prompts are hard, even if they
    prefer opposite models.

    Args:
        rated: ratings on one criterion.

    Returns:
        1 for raters who always agree, 0 for agreement by chance, less where they contradict each
        other; None for a single rater, or where all see the same difference everywhere.
    """
    import krippendorff

    differences = rated.assign(difference=rated["tuned"] - rated["base"])
    table = differences.pivot(index="rater", columns="number", values="difference").to_numpy(float)
    shared = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    if len(table) < 2 or np.unique(shared[~np.isnan(shared)]).size < 2:
        return None
    return float(krippendorff.alpha(shared, level_of_measurement="interval"))


def _compare(
    metric: Metric, means: pd.DataFrame, groupings: Groupings, evaluation: Evaluation
) -> dict[str, Any]:
    base, tuned = (
        {metric.name: np.stack([means[who], np.ones(len(means))], axis=1)}
        for who in ("base", "tuned")
    )
    compared = compare_all(base, tuned, evaluation, (metric,), groupings)[metric.name]
    before, difference = compared["base"], compared["difference"]
    change = None if difference is None or not before else 100 * difference / before
    return {**compared, "change": change}


def _prefer(row: dict[str, Any], order: str, criterion: str) -> int:
    scores = row[order]["scores"]
    return int(np.sign(scores["tuned"][criterion] - scores["base"][criterion]))


def judge_answers(
    answers: list[dict[str, Any]], judge_cache: Cache, evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Have a judge model rate the answers, blind and in both orders.

    Args:
        answers: one row a prompt.
        judge_cache: responses of an earlier run; new ones are added to it.
        evaluation: the rubric and its judge.

    Returns:
        One row a pair, as `rate_pairs` gives them; none without a judge.
    """
    rubric = evaluation.rubric
    if rubric is None or rubric.judge is None:
        return []
    pairs = choose_pairs(answers, evaluation, rubric)
    log.info("%s rates %s pairs of answers, each in both orders.", rubric.judge.model, len(pairs))
    judgments = rate_pairs(pairs, rubric, rubric.judge, judge_cache)
    account = account_judgements(judgments)
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
    """Sum the ratings up: before, after, change in per cent.

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
        rated = read_judgements(judgments)
        found["judge"] = {
            "model": rubric.judge.model,
            **account_judgements(judgments),
            "criteria": summarize_ratings(rated, pairs, evaluation, rubric),
        }
    if rubric.people:
        found["people"] = {
            "sheets": sheet_status,
            "raters": int(ratings["rater"].nunique()),
            "criteria": summarize_ratings(ratings, pairs, evaluation, rubric),
        }
    return found

"""What ratings of both models come to: before, after, change, and whether raters agree."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from tuneline.parameters import Evaluation, Rubric
from tuneline.pipelines.rubric.sheet import RATING_COLUMNS, Pair
from tuneline.statistics.comparison import MODELS, Metric, compare_all
from tuneline.statistics.groups import Groupings, find_groups

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


def read_judgments(judgments: list[dict[str, Any]]) -> pd.DataFrame:
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
                for who in MODELS
            },
        }
        for number, row in enumerate(judgments, start=1)
        if all(row[order]["scores"] for order in ORDERS)
        for name in row[ORDERS[0]]["scores"]["base"]
    ]
    return pd.DataFrame(rows, columns=RATING_COLUMNS)


def account_judgments(judgments: list[dict[str, Any]]) -> dict[str, Any]:
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
        {metric.name: np.stack([means[who], np.ones(len(means))], axis=1)} for who in MODELS
    )
    compared = compare_all(base, tuned, evaluation, (metric,), groupings)[metric.name]
    before, difference = compared["base"], compared["difference"]
    change = None if difference is None or not before else 100 * difference / before
    return {**compared, "change": change}


def _prefer(row: dict[str, Any], order: str, criterion: str) -> int:
    scores = row[order]["scores"]
    return int(np.sign(scores["tuned"][criterion] - scores["base"][criterion]))

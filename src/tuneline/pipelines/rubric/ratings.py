"""Base and tuned compared by their ratings."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from tuneline.examples import MODELS
from tuneline.parameters import Evaluation, Rubric
from tuneline.pipelines.rubric.agreement import measure_agreement
from tuneline.pipelines.rubric.sheet import CHOICES, OVERALL, Pair
from tuneline.statistics.paired_comparison import SCALE, Metric, compare_all
from tuneline.statistics.significance import Groupings, find_groups


def summarize_ratings(
    ratings: pd.DataFrame, pairs: list[Pair], evaluation: Evaluation, rubric: Rubric
) -> dict[str, Any]:
    """Compare base and tuned on every criterion that has ratings.

    `ratings` has a row a rater, prompt (by its `number`) and criterion, with the rating of `base`
    and of `tuned`.

    Returns:
        By criterion what `compare_all` gives, with the `change` in percent (None where base has 0)
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


def summarize_choices(
    ratings: pd.DataFrame, pairs: list[Pair], evaluation: Evaluation
) -> dict[str, Any]:
    """Count which answer people chose.

    Returns:
        How often `base`, `tuned`, `both good` and `both bad` were chosen, and what `compare_all`
        gives of the shares in which an answer was preferred or good; a prompt counts once. Empty
        where nobody chose.
    """
    chosen = ratings[ratings["criterion"] == OVERALL]
    if chosen.empty:
        return {}
    rows = {pair.number: pair.row for pair in pairs}
    meaning = "share of prompts on which the answer was preferred, or both were good"
    metric = Metric("choice", "Preferred", "higher", meaning, percent=True)
    means = SCALE * chosen.groupby("number", sort=True)[["base", "tuned"]].mean()
    counts = Counter(zip(chosen["base"].astype(int), chosen["tuned"].astype(int), strict=True))
    named = dict(zip(("base", "tuned", "both good", "both bad"), CHOICES.values(), strict=True))
    return {
        **{name: counts[worth] for name, worth in named.items()},
        "compared": _compare(
            metric, means, find_groups([rows[n] for n in means.index]), evaluation
        ),
    }


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

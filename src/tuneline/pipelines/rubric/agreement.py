"""Whether people and the judge see the same differences."""

from typing import Any

import numpy as np
import pandas as pd

from tuneline.parameters import Evaluation, Rubric
from tuneline.pipelines.rubric.sheet import Pair
from tuneline.reporting.pages import format_number
from tuneline.statistics.significance import find_groups

# Groups of prompts that both have rated. With 20, a judge that correlates with people by 0.7 agrees
# in 91 % of simulations, by 0.5 in 55 %, and one that rates at random in 4 %.
ENOUGH = 20
RESAMPLES = 1000
AGREES, DISAGREES, UNKNOWN = "agrees", "disagrees", "cannot be told"


def check_judge(
    judged: pd.DataFrame,
    ratings: pd.DataFrame,
    pairs: list[Pair],
    evaluation: Evaluation,
    rubric: Rubric,
) -> dict[str, Any]:
    """Compare the judge's differences, tuned minus base, with the mean of people's.

    A judge disagrees on a criterion if the interval of Kendall's tau holds 0 or if it prefers the
    other answer more often than the same one: then nothing shows that it sees what people see.

    Returns:
        `status` over all criteria (`disagrees` if it does on one), `summary` in a sentence, and
        `criteria`: see `_compare`. Empty where nobody and the judge have rated the same prompt.
    """
    found = {
        criterion.name: _compare(both, pairs, evaluation)
        for criterion in rubric.criteria
        if len(both := _pair_up(judged, ratings, criterion.name))
    }
    if not found:
        return {}
    statuses = [one["status"] for one in found.values()]
    status = next((one for one in (DISAGREES, UNKNOWN) if one in statuses), AGREES)
    return {"status": status, "summary": _summarize(found, status), "criteria": found}


def _pair_up(judged: pd.DataFrame, ratings: pd.DataFrame, criterion: str) -> pd.DataFrame:
    """Put both differences on each prompt side by side: `judge` and `people`, by its number."""
    means = [
        table[table["criterion"] == criterion].groupby("number")[["base", "tuned"]].mean()
        for table in (judged, ratings)
    ]
    differences = [one["tuned"] - one["base"] for one in means]
    return pd.concat(differences, axis=1, join="inner", keys=["judge", "people"]).sort_index()


def _compare(both: pd.DataFrame, pairs: list[Pair], evaluation: Evaluation) -> dict[str, Any]:
    """Compare on one criterion.

    Returns:
        Kendall's `tau` (tau-b; None where one of both sees the same difference everywhere) with its
        `interval`, Krippendorff's `alpha` of both, on how many `prompts` in how many `groups`, on
        how many of them both prefer the `same` and on how many the `opposite` answer, and the
        `status`.
    """
    judge, people = both["judge"].to_numpy(float), both["people"].to_numpy(float)
    rows = {pair.number: pair.row for pair in pairs}
    groupings = find_groups([rows[number] for number in both.index])
    groups = min(groupings.values(), key=lambda numbers: len(np.unique(numbers)))
    count = len(np.unique(groups))
    tau = _find_tau(judge, people)
    interval = (
        _find_interval(judge, people, groups, evaluation) if tau is not None and count > 1 else None
    )
    signs = np.sign(judge) * np.sign(people)
    same, opposite = int((signs > 0).sum()), int((signs < 0).sum())
    if count < ENOUGH or np.unique(people).size == 1:
        status = UNKNOWN
    else:
        status = AGREES if interval and interval[0] > 0 and same >= opposite else DISAGREES
    return {
        "tau": tau,
        "interval": interval,
        "alpha": _find_alpha(np.stack([judge, people])),
        "prompts": len(both),
        "groups": count,
        "same": same,
        "opposite": opposite,
        "status": status,
    }


def measure_agreement(rated: pd.DataFrame) -> float | None:
    """Measure whether raters see the same difference between the two answers.

    Krippendorff's alpha (interval level; Krippendorff 2011) of tuned minus base. Over the ratings
    of both answers it would be high as soon as raters agree which prompts are hard, even if they
    prefer opposite models. It is 1 for raters who always agree, 0 for agreement by chance, less
    where they contradict each other; None for a single rater, or where all see the same difference
    everywhere.
    """
    differences = rated.assign(difference=rated["tuned"] - rated["base"])
    table = differences.pivot(index="rater", columns="number", values="difference")
    return _find_alpha(table.to_numpy(float))


def _find_alpha(table: np.ndarray) -> float | None:
    """Find alpha of values of shape (raters, prompts), NaN where somebody did not rate."""
    import krippendorff

    shared = table[:, (~np.isnan(table)).sum(axis=0) > 1]
    if len(table) < 2 or np.unique(shared[~np.isnan(shared)]).size < 2:
        return None
    return float(krippendorff.alpha(shared, level_of_measurement="interval"))


def _find_tau(one: np.ndarray, other: np.ndarray) -> float | None:
    """Find Kendall's tau-b, which takes ties into account (Kendall 1945)."""
    from scipy.stats import kendalltau

    tau = kendalltau(one, other).statistic if len(one) > 1 else np.nan
    return None if np.isnan(tau) else float(tau)


def _find_interval(
    one: np.ndarray, other: np.ndarray, groups: np.ndarray, evaluation: Evaluation
) -> list[float]:
    """Find the interval of tau: groups drawn again with replacement (percentile bootstrap)."""
    from scipy.stats import bootstrap

    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]

    def measure(drawn: np.ndarray) -> float:
        rows = np.concatenate([members[group] for group in drawn])
        return _find_tau(one[rows], other[rows]) or 0.0

    found = bootstrap(
        (np.arange(len(members)),),
        measure,
        vectorized=False,
        n_resamples=RESAMPLES,
        confidence_level=evaluation.confidence,
        method="percentile",
        rng=evaluation.seed,
    )
    return [float(end) for end in found.confidence_interval]


def _summarize(found: dict[str, dict[str, Any]], status: str) -> str:
    concerned = {name: one for name, one in found.items() if one["status"] == status}
    named = "; ".join(f"{name} ({_describe(one)})" for name, one in concerned.items())
    if status == DISAGREES:
        return f"The judge disagrees with people, do not build on its numbers: {named}."
    if status == UNKNOWN:
        return (
            f"Whether the judge agrees with people cannot be told below {ENOUGH} prompts or groups "
            f"on which people see differences: {named}."
        )
    return f"The judge agrees with people: {named}."


def _describe(one: dict[str, Any]) -> str:
    tau = "not defined" if one["tau"] is None else format_number(one["tau"], 2)
    if one["interval"]:
        tau += ", {} to {}".format(*(format_number(end, 2) for end in one["interval"]))
    decided = one["same"] + one["opposite"]
    return f"Kendall's tau {tau}; the same answer preferred in {one['same']} of {decided} prompts"

"""Base and tuned model compared on the same prompts, metric by metric, group by group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tuneline.parameters import Evaluation
from tuneline.statistics.intervals import estimate_level
from tuneline.statistics.power import count_needed
from tuneline.statistics.significance import (
    SAME_PROMPT,
    Groupings,
    SignificanceSettings,
    count_groups,
    judge_difference,
)
from tuneline.statistics.sums import reduce_sums

SCALE = 100.0
# By metric, an array of shape (rows, 2): numerator and denominator of each row.
SampleScores = dict[str, np.ndarray]


@dataclass(frozen=True)
class Metric:
    """One metric: the sum of its numerators over the sum of its denominators.

    Attributes:
        name: key in `scores.json`.
        label: as the report names it.
        better: which way is better; `neither` for what only describes.
        meaning: one sentence for people who do not know it.
        percent: whether it is on a scale from 0 to 100.
        decides_verdict: whether the verdict rests on it.
        exponent: whether the mean is shown as a power of e (perplexity).
        decimals: digits after the point.
        timed: whether it is a time. It is measured once, by the batch, and moves with whatever else
            the machine does: resampling prompts says nothing about it, so it gets no interval.
    """

    name: str
    label: str
    better: Literal["higher", "lower", "neither"]
    meaning: str
    percent: bool = False
    decides_verdict: bool = False
    exponent: bool = False
    decimals: int = 1
    timed: bool = False


def compare_all(
    base: SampleScores,
    tuned: SampleScores,
    evaluation: Evaluation,
    metrics: Sequence[Metric],
    groupings: Groupings | None = None,
) -> dict[str, Any]:
    """Compare both models on every metric that both have.

    The metrics that count for the verdict share the error: each has an interval at
    `1 - (1 - confidence) / how many they are` (Bonferroni).

    Scores are fractions of the rows, by metric; without groupings, every row is on its own.

    Returns:
        By metric: `base` and `tuned`, each with its own `base_interval` and `tuned_interval` at
        `evaluation.confidence`; their `difference`, its `interval` at `confidence` (None where the
        groups are too few, or for a time), the `rows` that count (for both models, or for the one
        with fewer), in how many `groups`; the `wins`, `ties` and `losses` of the tuned model; the
        `detectable` difference, the `spread` it follows from, and how many prompts are `needed` to
        show 2 points (None where 100 is not the most); what is `result`; and how a reader
        sees the numbers: `timed` (whether it is a time, measured once), `label`, `percent` (whether
        100 is the most), `decimals`, and whether they are the `average` of the prompts (`mean`) or
        of all prompts together (`pooled`). A metric that is not a number in some row is not
        measured: `base`, `tuned` or both are None, and `unmeasured` says in how many rows of each.
    """
    both = [metric for metric in metrics if metric.name in base.keys() & tuned.keys()]
    counting = max(1, sum(metric.decides_verdict for metric in both))
    rows = len(next(iter(base.values())))
    return {
        metric.name: _compare(
            metric,
            base[metric.name],
            tuned[metric.name],
            {SAME_PROMPT: np.arange(rows)} if groupings is None else groupings,
            evaluation.confidence,
            SignificanceSettings(
                confidence=1
                - (1 - evaluation.confidence) / (counting if metric.decides_verdict else 1),
                resamples=evaluation.resamples,
                seed=evaluation.seed,
                exponent=metric.exponent,
                scale=SCALE if metric.percent else None,
            ),
        )
        for metric in both
    }


def _compare(
    metric: Metric,
    base: np.ndarray,
    tuned: np.ndarray,
    groupings: Groupings,
    alone: float,
    settings: SignificanceSettings,
) -> dict[str, Any]:
    before, after = _reduce(base, metric), _reduce(tuned, metric)
    counted = base[:, 1] != 0, tuned[:, 1] != 0
    there = counted[0] | counted[1]
    rows = int(min(one.sum() for one in counted))
    groups = min(min(count_groups(groupings, one).values()) for one in counted)
    wins, ties, losses = _count_wins(metric, base, tuned)
    compared = {
        "base": before,
        "tuned": after,
        "base_interval": None,
        "tuned_interval": None,
        "difference": None,
        "interval": None,
        "confidence": settings.confidence,
        "rows": rows,
        "groups": groups,
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "detectable": None,
        "needed": None,
        "spread": None,
        "result": "not measured",
        "unmeasured": {"base": _count_lost(base), "tuned": _count_lost(tuned)},
        "average": "mean" if _is_mean(base) and _is_mean(tuned) else "pooled",
        "timed": metric.timed,
        "label": metric.label,
        "percent": metric.percent,
        "decimals": metric.decimals,
    }
    if before is None or after is None:
        return compared
    inside = {name: numbers[there] for name, numbers in groupings.items()}
    compared["difference"] = after - before
    if metric.timed:  # by the batch and once: nothing says how much the next run would differ
        return compared | {"result": "—"}
    found = judge_difference(base[there], tuned[there], inside, settings)
    return compared | {
        "base_interval": _find_interval(base, groupings, alone, settings),
        "tuned_interval": _find_interval(tuned, groupings, alone, settings),
        "interval": None if found.interval is None else list(found.interval),
        "detectable": found.detectable,
        "needed": _count_needed(metric, rows, groups, found.spread, settings),
        "spread": found.spread,
        "result": _label_result(metric, after - before, found.significant),
    }


def _count_needed(
    metric: Metric, rows: int, groups: int, spread: float | None, settings: SignificanceSettings
) -> int | None:
    if not metric.percent or spread is None:
        return None
    return count_needed(spread, rows, groups, settings.confidence)


def _find_interval(
    rows: np.ndarray, groupings: Groupings, confidence: float, settings: SignificanceSettings
) -> list[float] | None:
    """Find the interval of one model's number: it only describes, and shares no error."""
    counted = rows[:, 1] != 0
    numbers = [one[counted] for one in groupings.values()]
    found = estimate_level(rows[counted], numbers, confidence, settings.exponent, settings.scale)
    return None if found is None else [found.low, found.high]


def _reduce(rows: np.ndarray, metric: Metric) -> float | None:
    """Reduce a model's rows to its number; None where it is not one."""
    value = float(reduce_sums(rows.sum(axis=0), metric.exponent))
    return value if np.isfinite(rows).all() and np.isfinite(value) else None


def _count_lost(rows: np.ndarray) -> int:
    return int((~np.isfinite(rows).all(axis=1)).sum())


def _is_mean(rows: np.ndarray) -> bool:
    """Tell whether each row counts once or not at all: then the quotient is a mean of rows."""
    return bool(np.isin(rows[:, 1], (0, 1)).all())


def _count_wins(metric: Metric, base: np.ndarray, tuned: np.ndarray) -> tuple[int, int, int]:
    """Count the prompts on which the tuned model does better, alike and worse."""
    there = (base[:, 1] > 0) & (tuned[:, 1] > 0)
    gain = reduce_sums(tuned[there], metric.exponent) - reduce_sums(base[there], metric.exponent)
    gain = -gain if metric.better == "lower" else gain
    return int((gain > 0).sum()), int((gain == 0).sum()), int((gain < 0).sum())


def _label_result(metric: Metric, difference: float, significant: bool) -> str:
    if metric.better == "neither":
        return "—"
    if not significant:
        return "no significant difference"
    return "better" if (difference > 0) == (metric.better == "higher") else "worse"

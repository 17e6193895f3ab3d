"""Paired bootstrap: how sure one can be of a difference."""

from typing import Any

import numpy as np

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS, Fractions, Metric


def compare_all(
    base: Fractions,
    tuned: Fractions,
    evaluation: Evaluation,
    metrics: tuple[Metric, ...] = METRICS,
) -> dict[str, Any]:
    """Compare both models on every metric that both have.

    Resamples the prompts with replacement, the same ones for both models and all metrics, and
    takes the percentiles of the difference (Efron and Tibshirani, An Introduction to the
    Bootstrap, chapter 13; paired as in Koehn 2004), widened for few prompts (see `_find_tail`).
    The metrics that count for the verdict share the error: each has an interval at
    `1 - (1 - confidence) / how many they are` (Bonferroni).

    Args:
        base: fractions of the base model's rows, by metric.
        tuned: the same of the tuned model's.
        evaluation: confidence, resamples and seed.
        metrics: the metrics to look for.

    Returns:
        By metric: `base`, `tuned`, `difference`, its `interval` at `confidence`, the `rows` that
        count, the `wins`, `ties` and `losses` of the tuned model, what is `shown`, and how a reader
        sees the numbers: `label`, `percent` (whether 100 is the most) and `places`.
    """
    both = [metric for metric in metrics if metric.name in base.keys() & tuned.keys()]
    counting = max(1, sum(metric.counts for metric in both))
    rows = len(next(iter(base.values())))
    draws = np.random.default_rng(evaluation.seed).multinomial(
        rows, np.full(rows, 1 / rows), size=evaluation.resamples
    )
    return {
        metric.name: _compare(
            metric,
            base[metric.name],
            tuned[metric.name],
            draws,
            1 - (1 - evaluation.confidence) / (counting if metric.counts else 1),
        )
        for metric in both
    }


def _compare(
    metric: Metric, base: np.ndarray, tuned: np.ndarray, draws: np.ndarray, confidence: float
) -> dict[str, Any]:
    before = float(_value(base.sum(axis=0), metric))
    after = float(_value(tuned.sum(axis=0), metric))
    rows = int((base[:, 1] > 0).sum())
    low, high = _interval(metric, base, tuned, draws, _find_tail(rows, confidence))
    wins, ties, losses = _count_wins(metric, base, tuned)
    return {
        "base": before,
        "tuned": after,
        "difference": after - before,
        "interval": None if metric.timed else [low, high],
        "confidence": confidence,
        "rows": rows,
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "shown": _shown(metric, low, high, enough_rows(rows, confidence)),
        "label": metric.label,
        "percent": metric.percent,
        "places": metric.places,
    }


def enough_rows(rows: int, confidence: float) -> bool:
    """Tell whether so many prompts can show anything.

    If the models did not differ, all prompts would speak for the same one with a chance of
    2^(1 - rows); with too few of them a bootstrap interval would miss 0 as often.

    Args:
        rows: prompts that count.
        confidence: of the interval.

    Returns:
        Whether that chance is within the error allowed.
    """
    return 2.0 ** (1 - rows) <= 1 - confidence


def _interval(
    metric: Metric, base: np.ndarray, tuned: np.ndarray, draws: np.ndarray, tail: float
) -> tuple[float, float]:
    resampled = _value(draws @ tuned, metric) - _value(draws @ base, metric)
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return float(low), float(high)


def _find_tail(rows: int, confidence: float) -> float:
    """Find the percentile to take: the expanded percentile interval of Hesterberg 2015.

    With few prompts a bootstrap's spread is too small by sqrt((n - 1) / n), and normal where it
    should be Student's; one takes as much less of the tail.
    """
    from scipy.stats import norm, t

    if rows < 2:
        return 0.0
    quantile = t.ppf(1 - (1 - confidence) / 2, rows - 1)
    return float(norm.cdf(-quantile * (rows / (rows - 1)) ** 0.5))


def _value(sums: np.ndarray, metric: Metric) -> np.ndarray:
    """Reduce (…, 2) to (…); not a number where nothing counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[..., 0] / sums[..., 1]
    # An untrained model's loss would overflow; beyond e^50 no one reads the number.
    return np.asarray(np.exp(np.minimum(mean, 50)) if metric.exponent else mean)


def _count_wins(metric: Metric, base: np.ndarray, tuned: np.ndarray) -> tuple[int, int, int]:
    """Count the prompts on which the tuned model does better, alike and worse."""
    there = (base[:, 1] > 0) & (tuned[:, 1] > 0)
    gain = _value(tuned[there], metric) - _value(base[there], metric)
    gain = -gain if metric.better == "lower" else gain
    return int((gain > 0).sum()), int((gain == 0).sum()), int((gain < 0).sum())


def _shown(metric: Metric, low: float, high: float, enough: bool) -> str:
    if metric.better == "neither":
        return "—"
    if low <= 0 <= high or not enough:
        return "no difference shown"
    return "better" if (low > 0) == (metric.better == "higher") else "worse"

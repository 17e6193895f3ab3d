"""Paired bootstrap: how sure one can be of a difference."""

from typing import Any

import numpy as np

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import Metric


def compare(
    metric: Metric,
    base: dict[str, np.ndarray],
    tuned: dict[str, np.ndarray],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Compare both models on one metric.

    Resamples the prompts with replacement, the same ones for both models, and takes the
    percentiles of the difference (Efron and Tibshirani, An Introduction to the Bootstrap,
    chapter 13; paired as in Koehn 2004).

    Args:
        metric: the metric.
        base: numerators and denominators of the base model's rows, by metric.
        tuned: the same of the tuned model's.
        evaluation: confidence, resamples and seed.

    Returns:
        `base`, `tuned`, `difference`, its `interval`, and what is `shown`.
    """
    rows_base, rows_tuned = base[metric.name], tuned[metric.name]
    draws = np.random.default_rng(evaluation.seed).integers(
        len(rows_base), size=(evaluation.resamples, len(rows_base))
    )
    resampled = _value(rows_tuned[draws], metric) - _value(rows_base[draws], metric)
    tail = (1 - evaluation.confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    before, after = float(_value(rows_base, metric)), float(_value(rows_tuned, metric))
    return {
        "base": before,
        "tuned": after,
        "difference": after - before,
        "interval": [float(low), float(high)],
        "shown": _shown(metric, float(low), float(high)),
    }


def _value(rows: np.ndarray, metric: Metric) -> np.ndarray:
    """Reduce (…, rows, 2) to (…)."""
    sums = rows.sum(axis=-2)
    mean = sums[..., 0] / np.maximum(sums[..., 1], 1e-12)
    # An untrained model's loss would overflow; beyond e^50 no one reads the number.
    return np.asarray(np.exp(np.minimum(mean, 50)) if metric.exponent else mean)


def _shown(metric: Metric, low: float, high: float) -> str:
    if metric.better == "neither":
        return "—"
    if low <= 0 <= high:
        return "no difference shown"
    return "better" if (low > 0) == (metric.better == "higher") else "worse"

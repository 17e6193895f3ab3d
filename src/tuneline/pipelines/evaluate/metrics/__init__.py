"""What is measured, and how one row counts: one module for each family of metrics."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import key_recall, likelihood
from tuneline.pipelines.evaluate.metrics.format import (
    ENDING,
    LANGUAGE,
    SECTIONS,
    measure_ending,
    measure_language,
    measure_sections,
)
from tuneline.pipelines.evaluate.metrics.metric import Metric, Outputs, SampleScores
from tuneline.pipelines.evaluate.metrics.overlap import (
    COPYING,
    REPETITION,
    SIMILARITY,
    measure_copying,
    measure_repetition,
    measure_similarity,
)

# Metrics that one function measures together; the report shows them in this order.
FAMILIES: tuple[tuple[tuple[Metric, ...], Callable[[Outputs], SampleScores]], ...] = (
    (SIMILARITY, measure_similarity),
    (key_recall.METRICS, key_recall.measure),
    (SECTIONS, measure_sections),
    (LANGUAGE, measure_language),
    (likelihood.METRICS, likelihood.measure),
    (ENDING, measure_ending),
    (REPETITION, measure_repetition),
    (COPYING, measure_copying),
)
METRICS = tuple(chain.from_iterable(metrics for metrics, _ in FAMILIES))

__all__ = ["METRICS", "Metric", "Outputs", "SampleScores", "measure_both", "measure_rows"]


def measure_both(
    answers: list[dict[str, Any]], training: list[str], evaluation: Evaluation
) -> tuple[SampleScores, SampleScores]:
    """Measure the answers of both models, each metric on the same prompts.

    An answer that a metric cannot be computed for (an empty one has no repetition) is no gain: the
    prompt then counts for neither model.

    Args:
        answers: one row a prompt.
        training: the completions that the adapter was trained on.
        evaluation: sections and language that are asked for.

    Returns:
        As `measure_rows` gives them, of the base and of the tuned model.
    """
    base, tuned = (
        measure_rows(Outputs(answers, who, training, evaluation)) for who in ("base", "tuned")
    )
    for name in base.keys() & tuned.keys():
        missing = (base[name][:, 1] == 0) | (tuned[name][:, 1] == 0)
        base[name][missing] = tuned[name][missing] = 0
    return _drop_unmeasured(base), _drop_unmeasured(tuned)


def measure_rows(outputs: Outputs) -> SampleScores:
    """Measure every answer of one model by every metric.

    Args:
        outputs: the answers and what they are held against.

    Returns:
        By metric, numerator and denominator of each row; metrics that no row counts for are left
        out.
    """
    found: SampleScores = {}
    for _, measure in FAMILIES:
        found |= measure(outputs)
    return _drop_unmeasured(found)


def _drop_unmeasured(found: SampleScores) -> SampleScores:
    return {name: rows for name, rows in found.items() if np.any(rows[:, 1])}

"""All families of metrics, measured on every answer."""

import math
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np

from tuneline.examples import MODELS, OLD, PROMPTED, Example
from tuneline.metrics import answer_rules, key_recall, likelihood, usable
from tuneline.metrics.format import (
    ENDING,
    LANGUAGE,
    SECTIONS,
    measure_ending,
    measure_language,
    measure_sections,
)
from tuneline.metrics.outputs import KeyComparison, Outputs
from tuneline.metrics.overlap import (
    COPYING,
    REPETITION,
    SIMILARITY,
    measure_copying,
    measure_repetition,
    measure_similarity,
)
from tuneline.parameters import Evaluation
from tuneline.statistics.paired_comparison import Metric, SampleScores
from tuneline.utils.progress import track

# Metrics that one function measures together; the report shows them in this order.
FAMILIES: tuple[tuple[tuple[Metric, ...], Callable[[Outputs], SampleScores]], ...] = (
    (SIMILARITY, measure_similarity),
    (key_recall.METRICS, key_recall.measure),
    (answer_rules.METRICS, answer_rules.measure),
    (SECTIONS, measure_sections),
    (LANGUAGE, measure_language),
    (usable.METRICS, usable.measure),
    (likelihood.METRICS, likelihood.measure),
    (ENDING, measure_ending),
    (REPETITION, measure_repetition),
    (COPYING, measure_copying),
)
# The references' losses are not measured of a base model that is prompted in another way.
ANSWER_FAMILIES = tuple(one for one in FAMILIES if one[1] is not likelihood.measure)
METRICS = tuple(chain.from_iterable(metrics for metrics, _ in FAMILIES))


def pick_counting(metrics: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pick the comparisons that decide the verdict."""
    names = (one.name for one in METRICS if one.decides_verdict)
    return {name: metrics[name] for name in names if name in metrics}


def measure_answers(
    answers: list[dict[str, Any]], train: list[Example], evaluation: Evaluation
) -> list[dict[str, Any]]:
    """Measure every answer of both models by every metric.

    Returns:
        One row a prompt, in their order: its `id`, and for each model (`base`, `tuned`, the adapter
        that was trained further (`old`), and the
        base model as it was prompted besides) the `metrics`, by name `[numerator, denominator]` (a
        numerator that is not a number is None; a metric that does not apply is left out), of
        figures and key terms those `missed` and `added`, and the `flaws` that make an answer
        unusable.
    """
    asked = [*MODELS, *(name for name in (*PROMPTED, OLD) if f"{name}_answer" in answers[0])]
    training = [example["completion"][-1]["content"] for example in train]
    keys: dict[str, list[KeyComparison]] = {
        who: [key_recall.compare_row(row, who, evaluation.language) for row in answers]
        for who in asked
    }
    rows: list[dict[str, Any]] = [{"id": row["id"]} for row in answers]
    for who in asked:
        flaws = [usable.find_flaws(row, who, evaluation) for row in answers]
        outputs = Outputs(answers, who, training, evaluation, keys, flaws)
        found: SampleScores = {}
        families = FAMILIES if who in (*MODELS, OLD) else ANSWER_FAMILIES
        for _, measure in track(families, f"Scoring the {who} model", "measures"):
            found |= measure(outputs)
        for number, (row, compared) in enumerate(zip(rows, keys[who], strict=True)):
            metrics = {name: _plain(scores[number]) for name, scores in found.items()}
            row[who] = {
                "metrics": {name: score for name, score in metrics.items() if score[1]},
                "missed": compared.missed,
                "added": compared.added,
                "flaws": flaws[number],
            }
    return rows


def stack_scores(
    answer_scores: list[dict[str, Any]], pair: tuple[str, str] = MODELS
) -> tuple[SampleScores, SampleScores]:
    """Stack the scores of all prompts, each metric on the same prompts for both models.

    An answer that a metric cannot be computed for (an empty one has no repetition) is no gain: the
    prompt then counts for neither model. By metric an array of shape (rows, 2) for the first and
    for the second model; metrics that no row counts for are left out.
    """
    base: SampleScores = {}
    tuned: SampleScores = {}
    for metric in METRICS:
        stacked = [
            np.array([row[who]["metrics"].get(metric.name, (0, 0)) for row in answer_scores], float)
            for who in pair
        ]
        missing = np.any([scores[:, 1] == 0 for scores in stacked], axis=0)
        if not missing.all():
            base[metric.name], tuned[metric.name] = (
                np.where(missing[:, None], 0, scores) for scores in stacked
            )
    return base, tuned


def _plain(score: np.ndarray) -> list[float | None]:
    """Write numerator and denominator as JSON has them."""
    numerator, denominator = score.tolist()
    return [numerator if math.isfinite(numerator) else None, denominator]

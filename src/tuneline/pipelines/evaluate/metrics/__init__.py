"""What is measured, and how one row counts: one module for each family of metrics."""

from itertools import chain

from tuneline.pipelines.evaluate.metrics import (
    copying,
    ending,
    foresight,
    key_figures,
    language,
    likeness,
    repetition,
    sections,
)
from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written

FAMILIES = (likeness, key_figures, sections, language, foresight, ending, repetition, copying)
METRICS: tuple[Metric, ...] = tuple(chain.from_iterable(family.METRICS for family in FAMILIES))

__all__ = ["METRICS", "Fractions", "Metric", "Written", "measure_rows"]


def measure_rows(written: Written) -> Fractions:
    """Measure every answer of one model by every metric.

    Args:
        written: the answers and what they are held against.

    Returns:
        By metric, numerator and denominator of each row; metrics that no row counts for are left
        out.
    """
    found: Fractions = {}
    for family in FAMILIES:
        found |= family.measure(written)
    return {name: rows for name, rows in found.items() if rows[:, 1].any()}

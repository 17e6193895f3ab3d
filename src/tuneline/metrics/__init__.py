"""What is measured, and how one row counts: one module for each family of metrics."""

from tuneline.metrics.families import METRICS, measure_answers, pick_counting, stack_scores

__all__ = ["METRICS", "measure_answers", "pick_counting", "stack_scores"]

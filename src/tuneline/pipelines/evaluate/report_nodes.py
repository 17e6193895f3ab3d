"""Nodes that show the scores: plots, a comparison of runs, the report."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.adapters import Adapter
from tuneline.errors import TunelineError
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.plots import draw_categories, draw_scores, draw_versions
from tuneline.pipelines.evaluate.report import render_report
from tuneline.pipelines.evaluate.runs import compare_versions

log = logging.getLogger(__name__)


def plot_scores(scores: dict[str, Any]) -> tuple[go.Figure, go.Figure]:
    """Draw base and tuned side by side, and the gain by category.

    Args:
        scores: as `score_answers` gives them.

    Returns:
        Bars on a scale from 0 to 100, and differences with their intervals.
    """
    return draw_scores(scores), draw_categories(scores)


def compare_runs(
    score_versions: dict[str, Callable[[], dict[str, Any]]], scores: dict[str, Any]
) -> tuple[pd.DataFrame, go.Figure]:
    """Compare all evaluations that were made so far.

    Args:
        score_versions: what reads the scores of a version.
        scores: the latest; this node follows them.

    Returns:
        One row a version, as `compare_versions` gives it, and its plot.
    """
    versions = dict(_read_versions(score_versions))
    comparison = compare_versions(versions or {"now": scores})
    return comparison, draw_versions(comparison)


def _read_versions(
    score_versions: dict[str, Callable[[], dict[str, Any]]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read those scores that can be read: a broken one of long ago must not stop this run."""
    for name, load in score_versions.items():
        try:
            yield name, load()
        except TunelineError as error:
            log.warning("The evaluation %s is left out of the comparison. %s", name, error)


def build_report(
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    rubric: dict[str, Any],
    comparison: pd.DataFrame,
    plan: dict[str, Any],
    adapter: Adapter,
    score_plot: go.Figure,
    category_plot: go.Figure,
    comparison_plot: go.Figure,
    loss_curve: go.Figure,
    token_plot: go.Figure,
    leak_report: dict[str, Any],
    training_record: dict[str, Any],
    cleaning_report: dict[str, Any],
    evaluation: Evaluation,
) -> str:
    """Write the report: one HTML page that needs no network.

    Args:
        scores: the scores.
        answers: base and tuned answers.
        rubric: what judges and people found; empty without a rubric.
        comparison: all runs so far.
        plan: what was planned.
        adapter: its provenance is shown.
        leak_report: what was found of the test side in the training side, and done about it.
        cleaning_report: rows kept and rejected.
        training_record: the plan beside what the training took.
        score_plot: before and after.
        category_plot: the gain by category.
        comparison_plot: all runs.
        loss_curve: the training.
        token_plot: lengths of the examples.
        evaluation: the decoding, shown.

    Returns:
        HTML; everything that a model or a user wrote is escaped.
    """
    return render_report(
        answers,
        evaluation,
        {
            "scores": score_plot,
            "categories": category_plot if scores["categories"] else None,
            "runs": comparison_plot if len(comparison) > 1 else None,
            "losses": loss_curve,
            "tokens": token_plot,
        },
        scores=scores,
        rubric=rubric,
        runs=comparison.to_dict("records"),
        plan=plan,
        provenance=adapter.provenance,
        leaks=leak_report,
        cleaning=cleaning_report,
        training=training_record,
    )

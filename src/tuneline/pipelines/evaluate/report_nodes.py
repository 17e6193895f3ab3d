"""Nodes that show the scores: plots, a comparison of runs, the report."""

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.errors import TunelineError
from tuneline.metrics import METRICS
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.runs import (
    compare_versions,
    draw_categories,
    draw_scores,
    draw_versions,
)
from tuneline.pipelines.evaluate.side_by_side import choose_three, show_answers
from tuneline.reporting.pages import render_page
from tuneline.statistics.paired_comparison import Metric

log = logging.getLogger(__name__)
# Next to what decides the verdict, at the top of the page; one more card says how many were won.
EXPLAINING = ("usable", "loss", "repetition")
CARDS = 4


def render_report(
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    scores: dict[str, Any],
    evaluation: Evaluation,
    plots: dict[str, go.Figure | None],
    **material: Any,
) -> str:
    """Render the page.

    Args:
        answers: one row a prompt.
        answer_scores: what every metric says of them.
        scores: the verdict, and what it rests on.
        evaluation: title, decoding and confidence.
        plots: figures by name; None for one that says nothing here.
        material: what else the template shows, by the names it uses.

    Returns:
        HTML. Jinja escapes every value. The page's own two scripts are named by their hashes in its
        content security policy, so that no other would run, and nothing may be fetched.
    """
    own = files("tuneline.pipelines.evaluate").joinpath("report.js").read_text(encoding="utf-8")
    scripts = [get_plotlyjs(), own]
    figures = {name: figure for name, figure in plots.items() if figure is not None}
    deciding = (*scores["verdict"]["metrics"], "chrf")[0]
    shown = show_answers(answers, answer_scores, deciding)
    return render_page(
        "pipelines/evaluate/report.html.jinja",
        answers=shown,
        three=choose_three([row["gain"] for row in shown]),
        deciding=next(metric for metric in METRICS if metric.name == deciding),
        cards=_choose_cards(scores),
        scores=scores,
        evaluation=evaluation,
        metrics=METRICS,
        figures=_embed(figures),
        plots=set(figures),
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - plotly's and our own
        script_hashes=[_hash_script(script) for script in scripts],
        **material,
    )


def _choose_cards(scores: dict[str, Any]) -> list[Metric]:
    """Choose the metrics of the page's top: those that decide, then those that explain."""
    counting = scores["verdict"]["metrics"]
    first = [metric for metric in METRICS if metric.name in counting]
    then = [
        metric
        for name in EXPLAINING
        for metric in METRICS
        if metric.name == name and name in scores["metrics"]
    ]
    return [*first, *then][:CARDS]


def _embed(figures: dict[str, go.Figure]) -> Markup:
    """Write figures as JSON that cannot end the element it is in."""
    entries = (f'"{name}": {figure.to_json()}' for name, figure in figures.items())
    return Markup("{" + ", ".join(entries).replace("<", "\\u003c") + "}")  # noqa: S704 - no `<` left


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


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
    answer_scores: list[dict[str, Any]],
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
    file_scores: dict[str, Any],
    next_steps: dict[str, Any],
    evaluation: Evaluation,
    rubric: dict[str, Any] | None = None,
    retention: dict[str, Any] | None = None,
) -> str:
    """Write the report: one HTML page that needs no network.

    Args:
        scores: the scores.
        answers: base and tuned answers.
        answer_scores: what every metric says of each of them.
        comparison: all runs so far.
        plan: what was planned.
        adapter: its provenance is shown.
        leak_report: what was found in two splits, and done about it.
        cleaning_report: rows kept and rejected.
        training_record: the plan next to what the training took.
        score_plot: before and after.
        category_plot: the gain by category.
        comparison_plot: all runs.
        loss_curve: the training.
        token_plot: lengths of the examples.
        file_scores: the exported files next to the adapter, where there are any; those of another
            adapter are not shown.
        next_steps: what follows from the numbers.
        evaluation: the decoding, shown.
        rubric: what judges and people found, where a rubric is stated.
        retention: what the base model could do and the tuned one can, as `score_retention` gives
            it; empty where nothing was asked.

    Returns:
        HTML; everything that a model or a user wrote is escaped.
    """
    return render_report(
        answers,
        answer_scores,
        scores,
        evaluation,
        {
            "scores": score_plot,
            "categories": category_plot if scores["categories"] else None,
            "runs": comparison_plot if len(comparison) > 1 else None,
            "losses": loss_curve,
            "tokens": token_plot,
        },
        next_steps=next_steps["steps"],
        rubric=rubric,
        retention=retention,
        runs=comparison.to_dict("records"),
        plan=plan,
        provenance=adapter.provenance,
        leaks=leak_report,
        cleaning=cleaning_report,
        training=training_record,
        exported=file_scores
        if file_scores.get("adapter") == scores["run"]["adapter"]
        else {"files": []},
    )

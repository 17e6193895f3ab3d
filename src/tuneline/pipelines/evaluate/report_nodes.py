"""Nodes that show the scores: plots, a comparison of runs, the report."""

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher
from importlib.resources import files
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import regex
from markupsafe import Markup, escape
from plotly.offline import get_plotlyjs

from tuneline.errors import TunelineError
from tuneline.examples import MODELS
from tuneline.models.adapter import Adapter
from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS
from tuneline.pipelines.evaluate.runs import (
    compare_versions,
    draw_categories,
    draw_scores,
    draw_versions,
)
from tuneline.reporting.pages import render_page
from tuneline.utils.text import UNSPACED

log = logging.getLogger(__name__)


# Words, single Chinese and like characters, each with the space after it.
PIECE = regex.compile(rf"[{UNSPACED}]\s*|[^\s{UNSPACED}]+\s*|\s+")


def mark_differences(text: str, other: str) -> Markup:
    """Mark what of a text is not in another, whatever the letter case.

    Args:
        text: the text to show.
        other: what it is held against.

    Returns:
        The text, escaped, with `<mark>` around what differs.
    """
    pieces, others = PIECE.findall(text), PIECE.findall(other)
    matcher = SequenceMatcher(None, _fold(others), _fold(pieces), autojunk=False)
    shown = [
        _mark("".join(pieces[start:end]), same=kind == "equal")
        for kind, _, _, start, end in matcher.get_opcodes()
        if end > start
    ]
    return Markup().join(shown)


def _mark(text: str, same: bool) -> Markup:
    return escape(text) if same or text.isspace() else Markup("<mark>{}</mark>").format(text)


def _fold(pieces: list[str]) -> list[str]:
    return [piece.casefold().strip() for piece in pieces]


def show_answers(
    answers: list[dict[str, Any]], answer_scores: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Prepare every answer for the page.

    Returns:
        Rows with `id`, `source`, `category`, `context`, `prompt`, `reference`, `result` (win, tie,
        loss by chrF of the tuned answer; none without a reference) and for `base` and `tuned` the
        `text` with marks, whether it `stopped`, its `chrf`, and of the numbers and
        terms what it `missed` and `added`.
    """
    return [_show_answer(*row) for row in zip(answers, answer_scores, strict=True)]


def _show_answer(row: dict[str, Any], scores: dict[str, Any]) -> dict[str, Any]:
    models: dict[str, dict[str, Any]] = {who: _show_model(row, who, scores[who]) for who in MODELS}
    return {
        "id": row["id"],
        "source": f"line {row['line']} of the raw data" if row["line"] else "evaluation.questions",
        "category": row["category"] or "",
        "context": row["context"],
        "prompt": row["prompt"],
        "reference": row["reference"],
        "result": _decide(models["base"]["chrf"], models["tuned"]["chrf"]),
        **models,
    }


def _show_model(row: dict[str, Any], who: str, scores: dict[str, Any]) -> dict[str, Any]:
    # Without a reference the answers are compared with each other.
    other = row["tuned_answer" if who == "base" else "base_answer"]
    return {
        "text": mark_differences(
            row[f"{who}_answer"], other if row["reference"] is None else row["reference"]
        ),
        "stopped": row[f"{who}_stopped"],
        "chrf": scores["metrics"].get("chrf", [None])[0],  # a mean: its denominators are 1
        "missed": scores["missed"],
        "added": scores["added"],
    }


def _decide(base: float | None, tuned: float | None) -> str:
    if base is None or tuned is None:
        return "none"
    return "tie" if base == tuned else "win" if tuned > base else "loss"


def render_report(
    answers: list[dict[str, Any]],
    answer_scores: list[dict[str, Any]],
    evaluation: Evaluation,
    plots: dict[str, go.Figure | None],
    **material: Any,
) -> str:
    """Render the page.

    Args:
        answers: one row a prompt.
        answer_scores: what every metric says of them.
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
    return render_page(
        "pipelines/evaluate/report.html.jinja",
        answers=show_answers(answers, answer_scores),
        evaluation=evaluation,
        metrics=METRICS,
        figures=_embed(figures),
        plots=set(figures),
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - plotly's and our own
        script_hashes=[_hash_script(script) for script in scripts],
        **material,
    )


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
    evaluation: Evaluation,
    rubric: dict[str, Any] | None = None,
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
        evaluation: the decoding, shown.
        rubric: what judges and people found, where a rubric is stated.

    Returns:
        HTML; everything that a model or a user wrote is escaped.
    """
    return render_report(
        answers,
        answer_scores,
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
        exported=file_scores
        if file_scores.get("adapter") == scores["run"]["adapter"]
        else {"files": []},
    )

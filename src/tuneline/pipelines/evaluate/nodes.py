"""Nodes of the evaluate stage."""

import logging
from typing import Any

import plotly.graph_objects as go

from tuneline.adapters import Adapter, attach_adapter
from tuneline.examples import Example
from tuneline.modelling import load_model
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.pipelines.evaluate.answering import generate_answers
from tuneline.pipelines.evaluate.intervals import compare
from tuneline.pipelines.evaluate.matching import check_adapter
from tuneline.pipelines.evaluate.metrics import METRICS, measure_rows
from tuneline.pipelines.evaluate.reference_loss import measure_references
from tuneline.pipelines.evaluate.report import render_report
from tuneline.pipelines.evaluate.verdict import conclude
from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, style

log = logging.getLogger(__name__)


def answer_prompts(
    test: list[Example],
    train: list[Example],
    adapter: Adapter,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> list[dict[str, Any]]:
    """Let base and tuned model answer the held-out prompts.

    Both are one loaded model, with the adapter switched off and on; prompts, order, batches and
    decoding are the same.

    Args:
        test: the held-out examples.
        train: the examples of the training side, to make sure that none of `test` was trained.
        adapter: the trained adapter.
        recipe: names the base model.
        evaluation: the decoding.
        hardware: the machine.

    Returns:
        One row an example: `id`, `line`, `prompt`, `reference`, `reference_tokens`, and for `base`
        and `tuned` each `_answer`, `_tokens`, `_seconds`, `_stopped`, and on the reference the
        summed `_loss` (nats) and the `_correct` tokens.

    Raises:
        TunelineError: if the adapter belongs to another base model, chat template or training side.
    """
    check_adapter(adapter, train, recipe)
    model = attach_adapter(load_model(recipe, hardware), adapter)
    rows = [_start_row(example) for example in test]
    with model.disable_adapter():
        _fill(rows, "base", model, adapter.tokenizer, test, evaluation, hardware)
    _fill(rows, "tuned", model, adapter.tokenizer, test, evaluation, hardware)
    return rows


def score_answers(answers: list[dict[str, Any]], evaluation: Evaluation) -> dict[str, Any]:
    """Score base and tuned answers, with the uncertainty of their difference.

    Args:
        answers: one row an example.
        evaluation: confidence, resamples and seed.

    Returns:
        `metrics` by name: `base`, `tuned`, `difference`, `interval` of the difference, `shown`
        (better, worse, no difference shown); and the `verdict`.
    """
    rows = {who: measure_rows(answers, who) for who in ("base", "tuned")}
    metrics = {
        metric.name: compare(metric, rows["base"], rows["tuned"], evaluation) for metric in METRICS
    }
    verdict = conclude(metrics)
    log.info("Verdict: %s", verdict["words"])
    return {"prompts": len(answers), "verdict": verdict, "metrics": metrics}


def plot_scores(scores: dict[str, Any]) -> go.Figure:
    """Draw the quality metrics of base and tuned model side by side.

    Args:
        scores: as `score_answers` gives them.

    Returns:
        Bars on a scale from 0 to 100.
    """
    shown = [metric for metric in METRICS if metric.percent]
    figure = go.Figure()
    for who, colour in (("base", BASE_COLOUR), ("tuned", TUNED_COLOUR)):
        values = [scores["metrics"][metric.name][who] for metric in shown]
        figure.add_bar(
            x=[metric.label for metric in shown],
            y=values,
            name=who,
            marker_color=colour,
            text=[f"{value:.1f}" for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    figure.update_layout(barmode="group", yaxis_range=[0, 112])
    return style(figure, "Before and after, on held-out prompts", x="", y="score, 0 to 100")


def build_report(
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    plan: dict[str, Any],
    adapter: Adapter,
    score_plot: go.Figure,
    loss_curve: go.Figure,
    token_plot: go.Figure,
    evaluation: Evaluation,
) -> str:
    """Write the report: one HTML page that needs no network.

    Args:
        scores: the scores.
        answers: base and tuned answers.
        plan: what was planned.
        adapter: its provenance is shown.
        score_plot: before and after.
        loss_curve: the training.
        token_plot: lengths of the examples.
        evaluation: the decoding, shown.

    Returns:
        HTML; everything that a model or a user wrote is escaped.
    """
    plots = {"scores": score_plot, "losses": loss_curve, "tokens": token_plot}
    return render_report(scores, answers, plan, adapter.provenance, evaluation, plots)


def _start_row(example: Example) -> dict[str, Any]:
    return {
        "id": example["id"],
        "line": example["meta"]["line"],
        "prompt": example["prompt"][-1]["content"],
        "reference": example["completion"][-1]["content"],
    }


def _fill(
    rows: list[dict[str, Any]],
    who: str,
    model: Any,
    tokenizer: Any,
    test: list[Example],
    evaluation: Evaluation,
    hardware: Hardware,
) -> None:
    """Add what one of the two models makes of every example to its row."""
    log.info("The %s model answers %s prompts.", who, len(test))
    losses = measure_references(model, tokenizer, test, hardware)
    answers = generate_answers(model, tokenizer, test, evaluation, hardware)
    for row, loss, answer in zip(rows, losses, answers, strict=True):
        row["reference_tokens"] = loss.tokens
        row |= {f"{who}_loss": loss.nats, f"{who}_correct": loss.correct}
        row |= {f"{who}_{name}": value for name, value in vars(answer).items()}

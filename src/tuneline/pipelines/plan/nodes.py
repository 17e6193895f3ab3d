"""Nodes of the plan stage. They load the base model's config and tokenizer, never its weights."""

import logging
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.examples import Example
from tuneline.modelling import load_model_config, load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.memory import predict_memory
from tuneline.pipelines.plan.model_size import measure_model
from tuneline.pipelines.plan.verdict import judge
from tuneline.plan_inputs import describe_inputs
from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, WARNING_COLOUR, style
from tuneline.rendering import render_example
from tuneline.schedule import plan_steps

log = logging.getLogger(__name__)


def count_tokens(
    train: list[Example], validation: list[Example], test: list[Example], recipe: Recipe
) -> pd.DataFrame:
    """Count the tokens of every example as training and evaluation will render it.

    Args:
        train: examples of the training side.
        validation: examples of the validation side.
        test: examples of the test side.
        recipe: names the base model and the longest example.

    Returns:
        One row an example: `side`, `id`, `prompt_tokens`, `completion_tokens`, `tokens`, `fits`.
    """
    tokenizer = load_tokenizer(recipe)
    rows = []
    for side, examples in (("train", train), ("validation", validation), ("test", test)):
        for example in examples:
            rendered = render_example(tokenizer, example)
            rows.append((side, example["id"], rendered.prompt_length, len(rendered.ids)))
    report = pd.DataFrame(rows, columns=["side", "id", "prompt_tokens", "tokens"])
    report.insert(3, "completion_tokens", report["tokens"] - report["prompt_tokens"])
    return report.assign(fits=report["tokens"] <= recipe.max_length)


def plot_tokens(token_report: pd.DataFrame, recipe: Recipe) -> go.Figure:
    """Draw how long prompts and completions are.

    Args:
        token_report: tokens of every example.
        recipe: its longest example is marked.

    Returns:
        Two histograms over each other.
    """
    figure = go.Figure()
    for column, name, colour in (
        ("prompt_tokens", "prompt", BASE_COLOUR),
        ("tokens", "prompt and completion", TUNED_COLOUR),
    ):
        figure.add_histogram(
            x=token_report[column], name=name, marker_color=colour, opacity=0.75, nbinsx=60
        )
    figure.add_vline(
        x=recipe.max_length,
        line={"dash": "dash", "color": WARNING_COLOUR},
        annotation_text=f"max_length {recipe.max_length}",
        annotation_position="top left",
    )
    figure.update_layout(barmode="overlay")
    return style(figure, "Tokens per example", x="tokens", y="examples")


def make_plan(
    token_report: pd.DataFrame, train: list[Example], recipe: Recipe, hardware: Hardware
) -> dict[str, Any]:
    """Work the run out before it starts.

    Args:
        token_report: tokens of every example.
        train: the examples of the training side, to know the plan by.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        What it was made for; examples, tokens, overflow, steps, parameters, memory in GB by
        component; and the verdict that `train` obeys.
    """
    size = measure_model(load_model_config(recipe), recipe)
    fitting = token_report[(token_report["side"] == "train") & token_report["fits"]]
    longest = int(fitting["tokens"].max()) if len(fitting) else recipe.max_length
    plan: dict[str, Any] = {
        "made_for": describe_inputs(train, recipe, hardware),
        "examples": token_report["side"].value_counts().to_dict(),
        "tokens": _describe_tokens(fitting),
        "overflow": _describe_overflow(token_report, recipe),
        "steps": plan_steps(len(fitting), recipe, hardware),
        "parameters": size.parameters(),
        "adapter_megabytes": round(size.trainable * 4 / 1e6, 2),
        "memory_gb": predict_memory(size, longest, recipe, hardware),
    }
    plan["verdict"] = judge(plan)
    log.info("Plan: %s", plan["verdict"]["words"])
    return plan


def _describe_tokens(train: pd.DataFrame) -> dict[str, int]:
    quantiles = train["tokens"].quantile([0.5, 0.95]).fillna(0).round().astype(int)
    return {
        "median": int(quantiles[0.5]),
        "percentile_95": int(quantiles[0.95]),
        "longest": int(train["tokens"].max()) if len(train) else 0,
        "per_epoch": int(train["tokens"].sum()),
        "trained_per_epoch": int(train["completion_tokens"].sum()),
    }


def _describe_overflow(token_report: pd.DataFrame, recipe: Recipe) -> dict[str, Any]:
    trained = token_report[token_report["side"] == "train"]
    over = trained[~trained["fits"]]
    return {
        "max_length": recipe.max_length,
        "allowed_share": recipe.overflow_share,
        "share": len(over) / max(1, len(trained)),
        "ids": over["id"].tolist(),
    }

"""Nodes of the train stage."""

import tempfile
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.adapters import Adapter, extract_adapter
from tuneline.examples import Example
from tuneline.modelling import load_model, load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.data import render_examples
from tuneline.pipelines.train.provenance import record_provenance
from tuneline.pipelines.train.refusal import check_plan
from tuneline.pipelines.train.trainer import build_trainer, read_log
from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, style


def train_adapter(
    train: list[Example],
    validation: list[Example],
    plan: dict[str, Any],
    recipe: Recipe,
    hardware: Hardware,
) -> tuple[Adapter, pd.DataFrame]:
    """Train a LoRA adapter on the quantised base model.

    Args:
        train: examples to learn from.
        validation: examples that watch the training.
        plan: what was worked out for this very run; obeyed.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        The adapter in float32, and the log: one row a logged step.

    Raises:
        TunelineError: if the plan does not fit or belongs to another run.
    """
    check_plan(plan, train, recipe, hardware)
    tokenizer = load_tokenizer(recipe)
    rows = {
        "train": render_examples(tokenizer, train, recipe),
        "validation": render_examples(tokenizer, validation, recipe),
    }
    with tempfile.TemporaryDirectory() as folder:
        model = load_model(recipe, hardware)
        trainer = build_trainer(model, tokenizer, rows, folder, recipe, hardware)
        trainer.train()
    provenance = record_provenance(train, validation, tokenizer, recipe, hardware)
    return extract_adapter(trainer.model, tokenizer, provenance), read_log(trainer)


def plot_losses(training_log: pd.DataFrame) -> go.Figure:
    """Draw training and validation loss over the steps.

    Args:
        training_log: one row a logged step.

    Returns:
        The loss curve.
    """
    figure = go.Figure()
    for column, name, colour, mode in (
        ("loss", "training", BASE_COLOUR, "lines"),
        ("eval_loss", "validation", TUNED_COLOUR, "lines+markers"),
    ):
        logged = training_log.dropna(subset=[column])
        figure.add_scatter(
            x=logged["step"], y=logged[column], name=name, mode=mode, line={"color": colour}
        )
    return style(figure, "Loss", x="optimiser step", y="loss per completion token (nats)")

"""Nodes of the train stage."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.models.adapter import Adapter, read_adapter
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.run_differences import RunInputs, counts_for_plan, find_differences
from tuneline.models.seen_examples import record_seen
from tuneline.models.start_adapter import read_start
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.record import describe_training, list_epochs, make_log
from tuneline.reporting.pages import BASE_COLOR, TUNED_COLOR, style
from tuneline.training.best_checkpoint import Watch, fix_choice
from tuneline.training.checkpoints import open_run, read_finished
from tuneline.training.run import train_run
from tuneline.utils.terminal import StopCommandError

log = logging.getLogger(__name__)

WRITER = "machine 0 writes the adapter"


def check_plan(plan: dict[str, Any], inputs: RunInputs) -> None:
    """Refuse a run that does not fit, or whose plan was made for another run than `inputs`.

    Raises:
        TunelineError: naming what differs, or the plan's own words.
    """
    stale = [
        Problem(
            where=f"plan: {one.name}",
            value=one.recorded,
            wrong=f"this run has {one.now}",
            matters="the plan was made for another run and says nothing about this one",
            remedy="run `kedro run --pipeline=plan` again, with the same --env and --params",
        )
        for one in find_differences(plan["inputs"], inputs, counts_for_plan)
    ]
    if stale:
        raise TunelineError(*stale)
    if plan["verdict"]["label"] == "does not fit":
        raise TunelineError(
            Problem(
                where="plan",
                wrong=f"the run does not fit: {plan['verdict']['summary'].rstrip('.')}",
                matters="it would fail after a long wait",
                remedy="change one of these and run `kedro run --pipeline=plan` again",
            )
        )


def train_adapter(
    train: list[Example],
    validation: list[Example],
    plan: dict[str, Any],
    checkpoints: Path,
    recipe: Recipe,
    hardware: Hardware,
    replay: Sequence[Example] = (),
) -> tuple[Adapter, pd.DataFrame, dict[str, Any]]:
    """Train a LoRA adapter on the base model, or go on where a run was interrupted.

    Returns:
        The best checkpoint's adapter in float32, with what it and the adapter it has started from
        have seen; the log, one row a logged step; and what was
        measured: steps, device, peak memory.

    Raises:
        TunelineError: if the plan does not fit or belongs to another run.
        StopCommandError: with status 0, once a machine that is not the first has done its part.
    """
    tokenizer = load_tokenizer(recipe)
    inputs = describe_inputs(train, validation, tokenizer, recipe, hardware, replay)
    check_plan(plan, inputs)
    run = open_run(checkpoints, inputs)
    if read_finished(run):
        log.info("This very run is through already; its adapter is taken from %s.", run)
    else:
        splits = {"train": [*train, *replay], "validation": validation}
        watch = Watch(fix_choice(run, plan.get("best_checkpoint")))
        planned = plan["memory_gb"]["total"]
        train_run(run, splits, tokenizer, recipe, hardware, planned, watch)
    if hardware.machine:
        raise StopCommandError(f"Machine {hardware.machine} is done: {WRITER}.", 0)
    stats = read_finished(run)
    assert stats  # noqa: S101 - `fit` has just written them
    step = stats["released_step"]
    seen = record_seen([*train, *validation])
    if recipe.start_from and (before := read_start(recipe.start_from).seen):
        seen |= before
    adapter = read_adapter(run / f"checkpoint-{step}", tokenizer, {**inputs}, seen)
    return adapter, make_log(stats.pop("log")), stats


def plot_losses(training_log: pd.DataFrame) -> go.Figure:
    """Draw training and validation loss over the steps."""
    figure = go.Figure()
    for column, name, color, mode in (
        ("loss", "training", BASE_COLOR, "lines"),
        ("eval_loss", "validation", TUNED_COLOR, "lines+markers"),
    ):
        logged = training_log.dropna(subset=[column])
        figure.add_scatter(
            x=logged["step"], y=logged[column], name=name, mode=mode, line={"color": color}
        )
    return style(figure, "Loss", x="optimizer step", y="loss per completion token (nats)")


def record_training(
    training_log: pd.DataFrame,
    training_stats: dict[str, Any],
    plan: dict[str, Any],
    adapter: Adapter,
    recipe: Recipe,
    hardware: Hardware,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Record the run, epoch by epoch and as a whole, next to its plan."""
    epochs = list_epochs(training_log)
    return epochs, describe_training(
        epochs, training_log, training_stats, plan, adapter, recipe, hardware
    )


def plot_epochs(epochs: pd.DataFrame) -> go.Figure:
    """Draw losses and token accuracy by epoch; the best epoch is marked."""
    figure = go.Figure()
    for column, name, color in (
        ("training_loss", "training loss", BASE_COLOR),
        ("validation_loss", "validation loss", TUNED_COLOR),
    ):
        figure.add_scatter(
            x=epochs["epoch"],
            y=epochs[column],
            name=name,
            mode="lines+markers",
            line={"color": color},
        )
    order = {"validation_chrf": False} if "validation_chrf" in epochs else {"validation_loss": True}
    best = epochs.sort_values([*order], ascending=[*order.values()]).iloc[0]
    figure.add_annotation(x=best["epoch"], y=best["validation_loss"], text="best", ay=32)
    return style(figure, "Losses by epoch", x="epoch", y="loss per completion token (nats)")

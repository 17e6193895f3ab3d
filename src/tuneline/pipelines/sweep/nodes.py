"""Nodes of the sweep stage."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Evaluation, Hardware
from tuneline.pipelines.sweep.comparison import describe_sweep, list_rows, write_yaml
from tuneline.pipelines.sweep.trials import Runner, average_chrf, halve
from tuneline.reporting.pages import BASE_COLOR, TUNED_COLOR, embed_plot, render_page, style

log = logging.getLogger(__name__)
UNFIT = "does not fit"


def run_trials(
    train: list[Example],
    validation: list[Example],
    sweep_plan: dict[str, Any],
    sweep_checkpoints: Path,
    hardware: Hardware,
    replay: Sequence[Example] = (),
) -> list[dict[str, Any]]:
    """Train the trials of a sweep by successive halving, or go on where it was interrupted.

    Returns:
        Of each trial that fits its `name`, its `values`, what was measured at its `rungs` and
        whether it is `through`, as `halve` gives them.

    Raises:
        TunelineError: if the recipe as it is fails: there is nothing to compare with.
    """
    splits = {"train": [*train, *replay], "validation": validation}
    trials = [one for one in sweep_plan["trials"] if one["verdict"]["label"] != UNFIT]
    found = halve(Runner(splits, sweep_plan, sweep_checkpoints, hardware), trials)
    if not found[0]["through"]:
        raise TunelineError(
            Problem(
                where="recipe",
                wrong=f"the recipe as it is failed: {found[0]['rungs'][-1]['failed'].rstrip('.')}",
                matters="there is nothing to compare the trials with",
                remedy="correct it, and run the same command again: the other trials are kept",
            )
        )
    return found


def compare_trials(
    sweep_results: list[dict[str, Any]],
    sweep_plan: dict[str, Any],
    validation: list[Example],
    evaluation: Evaluation,
    settings: list[Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare the trials, the best first, and the winner with the recipe as it is."""
    rows = list_rows(sweep_results, sweep_plan)
    record = describe_sweep(sweep_results, rows, validation, evaluation)
    if record["values"]:
        use_case = settings[0].key.partition(".")[0]
        trained = next(one for one in sweep_plan["trials"] if one["name"] == record["winner"])
        record["yaml"] = write_yaml(use_case, record["values"], trained["settings"])
    log.info("%s", record["summary"])
    return pd.DataFrame(rows), record


def plot_trials(sweep_results: list[dict[str, Any]]) -> go.Figure:
    """Draw what the answers of every trial were worth at its rungs, the recipe as it is in gray."""
    figure = go.Figure()
    for number, trial in enumerate(sweep_results):
        rungs = [one for one in trial["rungs"] if "failed" not in one]
        figure.add_scatter(
            x=[100 * one["share"] for one in rungs],
            y=[average_chrf(one) for one in rungs],
            name=trial["name"],
            mode="lines+markers",
            line={"color": BASE_COLOR if number == 0 else TUNED_COLOR},
            marker={"symbol": number, "size": 9},
        )
    figure = style(figure, "Answers of the trials", x="% of the steps", y="chrF")
    # Names of trials are long: on a phone they would cover the title.
    legend = {"yanchor": "top", "y": -0.25, "xanchor": "left", "x": 0}
    return figure.update_layout(xaxis_range=[0, 108], legend=legend)


def write_sweep_page(
    sweep_record: dict[str, Any], sweep_plan: dict[str, Any], sweep_plot: go.Figure
) -> str:
    """Write the result as a page for people: HTML that opens offline."""
    return render_page(
        "pipelines/sweep/sweep.html.jinja",
        record=sweep_record,
        plan=sweep_plan,
        plot=embed_plot(sweep_plot, height=440),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own script
    )

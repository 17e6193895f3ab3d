"""The plots of the report."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.pipelines.evaluate.metrics import METRICS
from tuneline.pipelines.evaluate.runs import COMPARED
from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, WARNING_COLOUR, style

DIFFERENCE = "tuned \N{MINUS SIGN} base"
# Metrics keep their colours from run to run.
COLOURS = (TUNED_COLOUR, WARNING_COLOUR, "#1a7f4b", "#7c3aed", "#0e7490")


def draw_scores(scores: dict[str, Any]) -> go.Figure:
    """Draw base and tuned side by side, on a scale from 0 to 100."""
    shown = [
        one
        for one in METRICS
        if one.percent and one.better == "higher" and one.name in scores["metrics"]
    ]
    figure = go.Figure()
    for who, colour in (("base", BASE_COLOUR), ("tuned", TUNED_COLOUR)):
        values = [scores["metrics"][one.name][who] for one in shown]
        figure.add_bar(
            x=[one.label for one in shown],
            y=values,
            name=who,
            marker_color=colour,
            text=[f"{value:.0f}" for value in values],
            textposition="outside",
            cliponaxis=False,
        )
    figure.update_layout(barmode="group", yaxis_range=[0, 112])
    return style(figure, "Before and after", x="", y="score, 0 to 100")


def draw_categories(scores: dict[str, Any]) -> go.Figure:
    """Draw the difference in chrF by category, with its interval; all prompts come first."""
    compared = {"all": scores["metrics"]} | scores["categories"]
    found = {name: metrics["chrf"] for name, metrics in compared.items() if "chrf" in metrics}
    figure = go.Figure()
    _add_differences(figure, list(found), list(found.values()), "chrF", TUNED_COLOUR)
    return style(figure, "Gain in chrF by category", x="", y=DIFFERENCE)


def draw_versions(comparison: pd.DataFrame) -> go.Figure:
    """Draw the differences of every comparable run, with their intervals."""
    figure = go.Figure()
    rows = comparison[comparison["comparable"]]
    for metric, colour in zip((one for one in COMPARED if one.counts), COLOURS, strict=True):
        if f"{metric.name}_tuned" not in rows:
            continue
        there = rows.dropna(subset=[f"{metric.name}_tuned"])
        found = [
            {
                "difference": row[f"{metric.name}_tuned"] - row[f"{metric.name}_base"],
                "interval": [row[f"{metric.name}_low"], row[f"{metric.name}_high"]],
            }
            for row in there.to_dict("records")
        ]
        names = [f"run {number}" for number in there["run"]]
        _add_differences(figure, names, found, metric.label, colour)
    figure.update_layout(scattermode="group")
    return style(figure, "Runs compared", x="", y=DIFFERENCE)


def _add_differences(
    figure: go.Figure, names: list[str], found: list[dict[str, Any]], label: str, colour: str
) -> None:
    differences = [one["difference"] for one in found]
    figure.add_scatter(
        x=names,
        y=differences,
        name=label,
        mode="markers",
        marker={"size": 10, "color": colour},
        error_y={
            "type": "data",
            "array": [one["interval"][1] - one["difference"] for one in found],
            "arrayminus": [one["difference"] - one["interval"][0] for one in found],
        },
    )
    figure.add_hline(y=0, line={"color": BASE_COLOUR, "width": 1})

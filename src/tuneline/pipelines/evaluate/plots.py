"""The plots of the report."""

from itertools import cycle, islice, product
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from tuneline.pipelines.evaluate.metrics import METRICS
from tuneline.pipelines.evaluate.runs import COMPARED
from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, WARNING_COLOUR, style

DIFFERENCE = "tuned \N{MINUS SIGN} base"
# Metrics keep their colours from run to run.
COLOURS = (TUNED_COLOUR, WARNING_COLOUR, "#1a7f4b", "#7c3aed", "#0e7490")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")


def draw_scores(scores: dict[str, Any]) -> go.Figure:
    """Draw base and tuned side by side, on a scale from 0 to 100."""
    shown = [
        one
        for one in METRICS
        if one.percent and one.better == "higher" and _is_measured(scores["metrics"].get(one.name))
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
    """Draw the difference in chrF by category, with its interval; all prompts come first.

    A category with too few prompts for an interval is an open circle.
    """
    compared = [("all", scores["metrics"]), *scores["categories"].items()]
    found = [(name, one["chrf"]) for name, one in compared if _is_measured(one.get("chrf"))]
    figure = go.Figure()
    names = [name for name, _ in found]
    _add_differences(figure, names, [one for _, one in found], "chrF", TUNED_COLOUR, "circle")
    few = any(one["interval"] is None for _, one in found)
    title = "Gain in chrF by category" + (" (open circle: too few prompts to tell)" if few else "")
    return style(figure, title, x="", y=DIFFERENCE)


def draw_versions(comparison: pd.DataFrame) -> go.Figure:
    """Draw the differences of every comparable run, with their intervals."""
    figure = go.Figure()
    rows = comparison[comparison["comparable"]]
    counting = [one for one in COMPARED if one.counts]
    looks = islice(cycle(product(SYMBOLS, COLOURS)), len(counting))
    for metric, (symbol, colour) in zip(counting, looks, strict=True):
        if f"{metric.name}_tuned" not in rows:
            continue
        there = rows.dropna(subset=[f"{metric.name}_base", f"{metric.name}_tuned"])
        found = [
            {
                "difference": row[f"{metric.name}_tuned"] - row[f"{metric.name}_base"],
                "interval": _read_interval(row, metric.name),
            }
            for row in there.to_dict("records")
        ]
        names = [f"run {number}" for number in there["run"]]
        _add_differences(figure, names, found, metric.label, colour, symbol)
    figure.update_layout(scattermode="group")
    return style(figure, "Runs compared", x="", y=DIFFERENCE)


def _is_measured(found: dict[str, Any] | None) -> bool:
    return found is not None and found["difference"] is not None


def _read_interval(row: dict[Any, Any], metric: str) -> list[float] | None:
    ends = [row[f"{metric}_low"], row[f"{metric}_high"]]
    return None if any(pd.isna(end) for end in ends) else ends


def _add_differences(
    figure: go.Figure,
    names: list[str],
    found: list[dict[str, Any]],
    label: str,
    colour: str,
    symbol: str,
) -> None:
    differences = [one["difference"] for one in found]
    lengths = [
        (None, None)
        if one["interval"] is None
        else (one["interval"][1] - one["difference"], one["difference"] - one["interval"][0])
        for one in found
    ]
    figure.add_scatter(
        x=names,
        y=differences,
        name=label,
        mode="markers",
        marker={
            "size": 10,
            "color": colour,
            "symbol": [symbol if one["interval"] else f"{symbol}-open" for one in found],
        },
        error_y={
            "type": "data",
            "array": [up for up, _ in lengths],
            "arrayminus": [down for _, down in lengths],
        },
    )
    figure.add_hline(y=0, line={"color": BASE_COLOUR, "width": 1})

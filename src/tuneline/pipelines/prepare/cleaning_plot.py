"""The picture of the cleaning report."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tuneline.plots import BASE_COLOUR, TUNED_COLOUR, WARNING_COLOUR, style

SIDES = {"before": BASE_COLOUR, "after": TUNED_COLOUR}


def draw_cleaning(report: dict[str, Any]) -> go.Figure:
    """Draw rejected rows by reason, changed rows by rule, and lengths before and after.

    Args:
        report: as `CleaningReport.tell` gives it.

    Returns:
        One figure of three plots.
    """
    titles = ("Rejected rows by reason", "Rows changed by rule", "Characters of a text")
    figure = make_subplots(rows=3, cols=1, subplot_titles=titles, vertical_spacing=0.12)
    figure.add_trace(_draw_bars(report["reasons"], WARNING_COLOUR), 1, 1)
    changed = {rule: told["rows"] for rule, told in report["rules"].items()}
    figure.add_trace(_draw_bars(changed, TUNED_COLOUR), 2, 1)
    for side, colour in SIDES.items():
        figure.add_trace(_draw_lengths(report["lengths"], side, colour), 3, 1)
    style(figure, f"Cleaning: {report['clean']:,} of {report['rows']:,} rows kept", "", "")
    figure.update_xaxes(type="log", row=3, col=1)
    return figure.update_layout(height=900, boxmode="group")


def _draw_bars(counts: dict[str, int], colour: str) -> go.Bar:
    names = sorted(counts, key=lambda name: (counts[name], name))
    return go.Bar(
        x=[counts[name] for name in names],
        y=names,
        orientation="h",
        marker_color=colour,
        showlegend=False,
    )


def _draw_lengths(lengths: dict[str, Any], side: str, colour: str) -> go.Box:
    shown = {name: told[side] for name, told in lengths.items() if told[side]}
    # A logarithm has no place for a text without a character.
    quantiles = [[max(1, length) for length in told.values()] for told in shown.values()]
    low, first, median, third, high = ([told[place] for told in quantiles] for place in range(5))
    return go.Box(
        name=side,
        y=list(shown),
        lowerfence=low,
        q1=first,
        median=median,
        q3=third,
        upperfence=high,
        orientation="h",
        marker_color=colour,
    )

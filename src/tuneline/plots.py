"""The look that all plots share."""

import plotly.graph_objects as go

# Base and tuned keep their colours in every plot and in the report. Both read on white, in print,
# and for people who do not tell red from green.
BASE_COLOUR = "#8a94a6"
TUNED_COLOUR = "#1f6feb"
WARNING_COLOUR = "#c2410c"


def style(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    """Give a figure Tuneline's look.

    Args:
        figure: the figure.
        title: what it shows.
        x: label of the horizontal axis.
        y: label of the vertical axis.

    Returns:
        The same figure.
    """
    figure.update_layout(
        title={"text": title, "x": 0.02, "xanchor": "left"},
        template="plotly_white",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1.0},
        margin={"l": 60, "r": 24, "t": 64, "b": 52},
    )
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure

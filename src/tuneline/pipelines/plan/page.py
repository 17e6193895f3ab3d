"""The plan as a page."""

from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.pages import embed_plot, render_page
from tuneline.plots import TUNED_COLOUR, style

COMPONENTS = (
    "weights",
    "adapter",
    "gradients",
    "optimizer",
    "activations",
    "fragmentation",
    "context",
)


def render_plan(plan: dict[str, Any], token_plot: go.Figure) -> str:
    """Render the page.

    Args:
        plan: the plan.
        token_plot: lengths of the examples.

    Returns:
        HTML.
    """
    return render_page(
        "pipelines/plan/plan.html.jinja",
        plan=plan,
        components=COMPONENTS,
        memory_plot=embed_plot(_plot_memory(plan["memory_gb"]), height=260),
        token_plot=embed_plot(token_plot),
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own script
    )


def _plot_memory(memory: dict[str, float]) -> go.Figure:
    figure = go.Figure()
    figure.add_bar(
        y=list(reversed(COMPONENTS)),
        x=[memory[name] for name in reversed(COMPONENTS)],
        orientation="h",
        marker_color=TUNED_COLOUR,
    )
    return style(figure, "Memory by component", x="GB", y="")

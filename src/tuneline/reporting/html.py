"""Pages for people: self-contained HTML that opens offline."""

import math
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render_page(template: str, **values: Any) -> str:
    """Render a page.

    Args:
        template: its path in the package.
        values: what it shows; Jinja escapes all of it but `Markup`.

    Returns:
        HTML.
    """
    environment = Environment(
        loader=PackageLoader("tuneline", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format_number,
        "counted": count,
        "interval": format_interval,
        "basis": lambda found: count_prompts(found["rows"], found["groups"]),
    }
    style = Markup(environment.get_template("reporting/page.css").render())  # noqa: S704 - our own
    return environment.get_template(template).render(style=style, **values)


def embed_plot(figure: go.Figure, height: int = 340) -> Markup:
    """Make a plot part of a page that holds plotly's script.

    Args:
        figure: the plot.
        height: in pixels.

    Returns:
        HTML.
    """
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config={"displayModeBar": False, "responsive": True},
        default_height=f"{height}px",
    )
    return Markup(html)  # noqa: S704 - plotly escapes what it embeds


def format_number(value: float | None, places: int = 1, sign: bool = False) -> str:
    """Write a number with thousands' commas and a true minus; a dash for none, NaN or infinity."""
    if value is None or not math.isfinite(value):
        return "\N{EM DASH}"
    value = round(value, places) + 0.0  # no sign before a zero
    text = f"{value:+,.{places}f}" if sign and value else f"{value:,.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def count(number: int, noun: str) -> str:
    """Count things in English."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_interval(found: dict[str, Any], places: int) -> str:
    """Write the interval of a difference, as `compare_all` gives it, or why there is none."""
    if found["interval"] is None and found["difference"] is None:
        return "not measured"
    if found["interval"] is None:
        return "measured once" if found.get("timed") else "too few to tell"
    low, high = (format_number(end, places, True) for end in found["interval"])
    return f"{low} to {high}"


def count_prompts(rows: int, groups: int | None, noun: str = "prompt") -> str:
    """Count prompts, and the groups they are in where there are fewer of them."""
    within = "" if groups is None or groups == rows else f" in {count(groups, 'group')}"
    return f"{count(rows, noun)}{within}"


# Base and tuned keep their colors in every plot and in the report. Both read on white, in print,
# and for people who do not tell red from green.
BASE_COLOR = "#8a94a6"
TUNED_COLOR = "#1f6feb"
WARNING_COLOR = "#c2410c"


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


# By their key in scores.json: label, digits after the point.
MAIN_METRICS = {
    "loss": ("held-out loss", 3),
    "perplexity": ("perplexity", 1),
    "chrf": ("chrF", 1),
    "rouge_l": ("ROUGE-L", 1),
}

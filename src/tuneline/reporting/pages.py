"""Pages for people: HTML, Markdown for the hub, how numbers are written, the look of plots."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# Signs that begin something in GitHub's Markdown, HTML among it. A backslash makes a sign of each.
SIGNS = re.compile(r"([\\`*_\[\]<>&|~#!$])")
# What begins a list, a ruler or an underlined heading where it is first: `- a`, `1. a`, `===`.
START = re.compile(r"^(\d+(?=[.)])|(?=[-+=]))(.)(?=[-+=\s]|$)")
BACKTICKS = re.compile(r"`+")
# Base and tuned keep their colors in every plot and in the report. Both read on white, in print,
# and for people who do not tell red from green.
BASE_COLOR = "#8a94a6"
TUNED_COLOR = "#1f6feb"
WARNING_COLOR = "#c2410c"
# By their key in scores.json: label, digits after the point.
MAIN_METRICS = {
    "loss": ("held-out loss", 3),
    "perplexity": ("perplexity", 1),
    "chrf": ("chrF", 1),
    "rouge_l": ("ROUGE-L", 1),
}


def render_page(template: str, **values: Any) -> str:
    """Render a page; Jinja escapes all values but `Markup`."""
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
    """Make a plot, so many pixels high, part of a page that holds plotly's script."""
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


def style(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    """Give a figure Tuneline's look."""
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


def escape_markdown(text: str) -> Markup:
    """Make one line of a text that Markdown shows as it is, in a sentence or in a table's cell."""
    line = START.sub(r"\1\\\2", SIGNS.sub(r"\\\1", " ".join(text.split())))
    return Markup(line)  # noqa: S704 - escaped just now


def format_code(text: str) -> Markup:
    """Show a short text as code. A pipe would end a table's cell even in code, so it is escaped."""
    line = " ".join(text.split())
    if "|" in line or not line:
        return escape_markdown(line)
    mark = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return Markup(f"{mark}{space}{line}{space}{mark}")  # noqa: S704 - no run of backticks ends it


def fence_code(text: str, language: str = "text") -> Markup:
    """Show a text of several lines between fences that no run of backticks in it closes."""
    mark = "`" * max(3, _longest_run(text) + 1)
    lines = "\n".join(text.splitlines())  # also of separators that Markdown does not know
    return Markup(f"{mark}{language}\n{lines}\n{mark}")  # noqa: S704 - nothing in it ends the fence


def format_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Markup:
    """Lay out a table; the first column is text, the others are numbers or words."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return Markup("\n").join(
        Markup("| ") + Markup(" | ").join(_cell(cell, row == 1) for cell in line) + Markup(" |")
        for row, line in enumerate(lines)
    )


def render_markdown(template: str, **values: Any) -> str:
    """Render a template of this package to Markdown; every text is escaped but `Markup`."""
    environment = Environment(
        loader=PackageLoader("tuneline", ""),
        finalize=_finalize,
        autoescape=False,  # noqa: S701 - this is Markdown; `finalize` escapes for it
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = format_code
    environment.filters["fence"] = fence_code
    return environment.get_template(template).render(**values)


def _finalize(value: Any) -> Any:
    return (
        escape_markdown(value)
        if isinstance(value, str) and not isinstance(value, Markup)
        else value
    )


def _cell(value: Any, is_ruler: bool) -> Markup:
    if is_ruler or isinstance(value, Markup):
        return Markup(value)  # noqa: S704 - our own, or escaped before
    return escape_markdown("not known" if value is None else str(value))


def _longest_run(text: str) -> int:
    return max((len(run) for run in BACKTICKS.findall(text)), default=0)

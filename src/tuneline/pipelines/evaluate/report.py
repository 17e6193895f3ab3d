"""The report: one HTML page that opens offline."""

import base64
import hashlib
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS
from tuneline.pipelines.evaluate.showing import show_answers


def render_report(
    answers: list[dict[str, Any]],
    evaluation: Evaluation,
    plots: dict[str, go.Figure | None],
    **material: Any,
) -> str:
    """Render the page.

    Args:
        answers: one row a prompt.
        evaluation: title, decoding and confidence.
        plots: figures by name; None for one that says nothing here.
        material: what else the template shows, by the names it uses.

    Returns:
        HTML. Jinja escapes every value. The page's own two scripts are named by their hashes in its
        content security policy, so that no other would run, and nothing may be fetched.
    """
    environment = _make_environment()
    scripts = [get_plotlyjs(), _read(environment, "report.js")]
    figures = {name: figure for name, figure in plots.items() if figure is not None}
    return environment.get_template("report.html.jinja").render(
        answers=show_answers(answers),
        evaluation=evaluation,
        metrics=METRICS,
        figures=_embed(figures),
        plots=set(figures),
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - plotly's and our own
        script_hashes=[_hash_script(script) for script in scripts],
        style=Markup(_read(environment, "report.css")),  # noqa: S704 - our own
        **material,
    )


def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tuneline", "pipelines/evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment


def _read(environment: Environment, name: str) -> str:
    # A template engine would take braces in a script for its own.
    source, *_ = environment.loader.get_source(environment, name)  # type: ignore[union-attr]
    return source


def _embed(figures: dict[str, go.Figure]) -> Markup:
    """Write figures as JSON that cannot end the element it stands in."""
    entries = (f'"{name}": {figure.to_json()}' for name, figure in figures.items())
    return Markup("{" + ", ".join(entries).replace("<", "\\u003c") + "}")  # noqa: S704 - no `<` left


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _number(value: float | None, places: int = 1, sign: bool = False) -> str:
    if value is None:
        return "—"
    value = round(value, places) + 0.0  # no sign before a zero
    text = f"{value:+,.{places}f}" if sign and value else f"{value:,.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}")

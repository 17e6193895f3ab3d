"""The report: one HTML page that opens offline."""

import base64
import hashlib
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.pages import render_page
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
    own = files("tuneline.pipelines.evaluate").joinpath("report.js").read_text(encoding="utf-8")
    scripts = [get_plotlyjs(), own]
    figures = {name: figure for name, figure in plots.items() if figure is not None}
    return render_page(
        "pipelines/evaluate/report.html.jinja",
        answers=show_answers(answers, evaluation.language),
        evaluation=evaluation,
        metrics=METRICS,
        figures=_embed(figures),
        plots=set(figures),
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - plotly's and our own
        script_hashes=[_hash_script(script) for script in scripts],
        **material,
    )


def _embed(figures: dict[str, go.Figure]) -> Markup:
    """Write figures as JSON that cannot end the element it stands in."""
    entries = (f'"{name}": {figure.to_json()}' for name, figure in figures.items())
    return Markup("{" + ", ".join(entries).replace("<", "\\u003c") + "}")  # noqa: S704 - no `<` left


def _hash_script(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

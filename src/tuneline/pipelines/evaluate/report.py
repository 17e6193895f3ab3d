"""The report: one HTML page that opens offline."""

from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.parameters import Evaluation
from tuneline.pipelines.evaluate.metrics import METRICS

PLACES = {"loss": 3, "perplexity": 1, "length_ratio": 2, "seconds": 2, "tokens_per_second": 0}


def render_report(
    scores: dict[str, Any],
    answers: list[dict[str, Any]],
    plan: dict[str, Any],
    provenance: dict[str, Any],
    evaluation: Evaluation,
    plots: dict[str, go.Figure],
) -> str:
    """Render the page.

    Args:
        scores: before and after, by metric.
        answers: one row an example.
        plan: what was planned.
        provenance: what the adapter was made from.
        evaluation: the decoding.
        plots: figures by name.

    Returns:
        HTML. Jinja escapes every value; only our own plots and plotly's script go in as they are.
    """
    environment = Environment(
        loader=PackageLoader("tuneline", "pipelines/evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    template = environment.get_template("report.html.jinja")
    return template.render(
        scores=scores,
        metrics=METRICS,
        answers=answers,
        plan=plan,
        provenance=provenance,
        evaluation=evaluation,
        plots={name: _embed(figure) for name, figure in plots.items()},
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own script
        style=Markup(environment.get_template("report.css").render()),  # noqa: S704 - our own
        places=PLACES,
    )


def _embed(figure: go.Figure) -> Markup:
    html = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config={"displayModeBar": False, "responsive": True},
        default_height="340px",
    )
    return Markup(html)  # noqa: S704 - plotly escapes what it embeds


def _number(value: float, places: int = 1, sign: bool = False) -> str:
    text = f"{value:+,.{places}f}" if sign else f"{value:,.{places}f}"
    return text.replace("-", "\N{MINUS SIGN}")

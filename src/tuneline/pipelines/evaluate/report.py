"""The report: one HTML page that opens offline."""

from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tuneline.pages import embed_plot, render_page
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
    return render_page(
        "pipelines/evaluate/report.html.jinja",
        scores=scores,
        metrics=METRICS,
        answers=answers,
        plan=plan,
        provenance=provenance,
        evaluation=evaluation,
        plots={name: embed_plot(figure) for name, figure in plots.items()},
        plotly=Markup(get_plotlyjs()),  # noqa: S704 - plotly's own script
        places=PLACES,
    )

"""The node that shows all use cases side by side."""

from typing import Any

from tuneline.main_metrics import MAIN_METRICS
from tuneline.pages import render_page
from tuneline.parameters import Evaluation

# Perplexity is the loss once more, so it has no column.
COLUMNS = {name: shown for name, shown in MAIN_METRICS.items() if name != "perplexity"}


def build_overview(**found: Any) -> str:
    """Write a page with a row for each use case.

    Args:
        **found: `scores`, `training_record`, `plan` and `evaluation` of each use case, and its
            `report`, which is linked; each under its name in the catalog, `<use_case>.scores` say.

    Returns:
        HTML that needs no network. Its links lead from the folder that holds each use case's
        folder of reports.
    """
    use_cases: dict[str, dict[str, Any]] = {}
    for name, value in found.items():
        use_case, noun = name.rsplit(".", 1)
        use_cases.setdefault(use_case, {})[noun] = value
    return render_page(
        "pipelines/overview/overview.html.jinja",
        columns=COLUMNS,
        rows=[_describe(name, made) for name, made in use_cases.items()],
    )


def _describe(use_case: str, made: dict[str, Any]) -> dict[str, Any]:
    scores, plan = made["scores"], made["plan"]
    actual = {line["name"]: line["actual"] for line in made["training_record"]["comparison"]}
    return {
        "name": use_case,
        # Kedro has made a model of the block where another node of the run asks for one.
        "title": Evaluation.model_validate(made["evaluation"]).title,
        "verdict": scores["verdict"],
        "metrics": {name: scores["metrics"].get(name) for name in COLUMNS},
        "prompts": scores["prompts"],
        "groups": scores.get("groups"),
        "questions": scores["questions"],
        "base_model": plan["made_for"]["recipe.base_model"],
        "machine": plan["made_for"]["hardware.name"],
        "examples": plan["examples"]["train"],
        "steps": actual["steps"],
        "tokens": actual["tokens"],
        "minutes": 60 * actual["wall time"],
    }

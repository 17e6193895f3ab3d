"""The overview stage: what became of every use case, on one page."""

from typing import Any

from kedro.pipeline import Node, Pipeline

from tuneline.parameters import Evaluation
from tuneline.reporting.pages import MAIN_METRICS, render_page

# Perplexity is the loss once more, so it has no column.
COLUMNS = {name: shown for name, shown in MAIN_METRICS.items() if name != "perplexity"}
# What the page shows of a use case. Its report comes first: the page links to it.
SHOWN = ("report", "scores", "training_record", "plan")


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
        "pipelines/overview.html.jinja",
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
        "base_model": plan["inputs"]["recipe"]["settings"]["base_model"],
        "machine": plan["inputs"]["hardware"]["name"],
        "examples": plan["examples"]["train"],
        "steps": actual["steps"],
        "tokens": actual["tokens"],
        "minutes": 60 * actual["wall time"],
    }


def create_pipeline(use_cases: list[str]) -> Pipeline:
    """List the stage's only node.

    Args:
        use_cases: their names, in the order of the page.
    """
    found = {f"{use_case}.{noun}": f"{use_case}.{noun}" for use_case in use_cases for noun in SHOWN}
    titles = {f"{use_case}.evaluation": f"params:{use_case}.evaluation" for use_case in use_cases}
    return Pipeline(
        [
            Node(
                build_overview,
                name="build_overview",
                inputs=found | titles,
                outputs="overview",
            )
        ],
        tags=["overview"],
    )


__all__ = ["create_pipeline"]

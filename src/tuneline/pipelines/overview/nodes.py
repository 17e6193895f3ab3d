"""The node that writes how far every use case is, and what became of it, on one page."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tuneline.parameters import Hardware, UseCase
from tuneline.pipelines.overview.state import State, find_state, name_options
from tuneline.reporting.pages import MAIN_METRICS, render_page

# Perplexity is the loss once more, so it has no column.
COLUMNS = {name: shown for name, shown in MAIN_METRICS.items() if name != "perplexity"}
# The folder that holds the page.
REPORTING = "08_reporting/"


def build_overview(parameters: dict[str, Any], environment: str, **found: Any) -> str:
    """Write a page with a row for each use case, those that have not been run among them.

    `found` has `<use_case>.stage_records` of each; what else it has only has to be there before the
    page. Links lead from the folder that holds each use case's folder of reports.
    """
    hardware = Hardware.model_validate(parameters["hardware"])
    states = [
        find_state(
            name.removesuffix(".stage_records"),
            value,
            UseCase.model_validate(parameters[name.removesuffix(".stage_records")]),
            hardware,
            name_options(environment),
        )
        for name, value in found.items()
        if name.endswith(".stage_records")
    ]
    return render_page(
        "pipelines/overview/overview.html.jinja",
        columns=COLUMNS,
        rows=[_describe(state) for state in states],
    )


def _describe(state: State) -> dict[str, Any]:
    scores = state.records.get("evaluate", {})
    metrics = scores.get("metrics", {})
    return {
        "state": state,
        "links": {word: _relate(path) for word, path in state.links.items()},
        "made": {
            stage.name: f"{datetime.fromtimestamp(stage.made):%Y-%m-%d %H:%M}"
            for stage in state.stages
            if stage.made is not None
        },
        "metrics": {name: metrics.get(name) for name in COLUMNS},
        "scores": scores,
        "training": _describe_training(state),
        "base_model": _find_base_model(state),
    }


def _relate(path: str) -> str:
    """Write a path from the folder of all data as one from the page's own folder."""
    inside = Path(path).is_relative_to(REPORTING)
    return path.removeprefix(REPORTING) if inside else f"../{path}"


def _describe_training(state: State) -> dict[str, Any] | None:
    record = state.records.get("train")
    if not record:
        return None
    actual = {line["name"]: line["actual"] for line in record["comparison"]}
    return {
        "examples": record["examples"]["used"]["train"],
        "steps": actual["steps"],
        "tokens": actual["tokens"],
        "minutes": 60 * actual["wall time"],
    }


def _find_base_model(state: State) -> str | None:
    """Name the base model of the training, or of the plan before it."""
    for stage in ("train", "plan"):
        inputs = state.records.get(stage, {}).get("inputs", {})
        if "base" in inputs:
            return str(inputs["base"]["name"])
    return None

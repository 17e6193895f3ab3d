"""The overview stage: what all stages have left → overview."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.overview.nodes import build_overview


def create_pipeline(use_cases: list[str], reports: bool = False) -> Pipeline:
    """List the stage's only node; with `reports`, those of the same run come before it."""
    nouns = ("stage_records", *(["report"] if reports else []))
    found = [f"{use_case}.{noun}" for use_case in use_cases for noun in nouns]
    return Pipeline(
        [
            Node(
                build_overview,
                name="build_overview",
                inputs={
                    "parameters": "parameters",
                    "environment": "params:environment",
                    **{name: name for name in found},
                },
                outputs="overview",
            )
        ],
        tags=["overview"],
    )

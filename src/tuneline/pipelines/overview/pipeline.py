"""The overview stage: scores, records and plans of every use case → one page."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.overview.nodes import build_overview

# What the page shows of a use case. Its report comes first: the page links to it.
SHOWN = ("report", "scores", "training_record", "plan")


def create_pipeline(use_cases: list[str]) -> Pipeline:
    """List the stage's only node.

    Args:
        use_cases: their names, in the order of the page.
    """
    found = {f"{use_case}.{noun}": f"{use_case}.{noun}" for use_case in use_cases for noun in SHOWN}
    titles = {f"{use_case}.evaluation": f"params:{use_case}.evaluation" for use_case in use_cases}
    return Pipeline(
        [
            node(
                build_overview,
                name="build_overview",
                inputs=found | titles,
                outputs="overview",
            )
        ],
        tags=["overview"],
    )

"""The prepare stage: raw → clean + rejected → examples."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.prepare.clean_nodes import clean_rows, plot_cleaning
from tuneline.pipelines.prepare.nodes import build_examples, check_leaks


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                clean_rows,
                name="clean_rows",
                inputs=["raw", "params:data"],
                # In this order: the report is ready when the other two are saved.
                outputs=["clean", "rejected", "cleaning_report"],
            ),
            node(
                plot_cleaning,
                name="plot_cleaning",
                inputs="cleaning_report",
                outputs="cleaning_plot",
            ),
            node(
                build_examples,
                name="build_examples",
                inputs=["clean", "params:data", "params:prompt"],
                outputs=["sampled_train", "sampled_validation", "sampled_test"],
            ),
            node(
                check_leaks,
                name="check_leaks",
                inputs=[
                    "sampled_train",
                    "sampled_validation",
                    "sampled_test",
                    "clean",
                    "params:data",
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs=["train", "validation", "test", "leaks", "leak_report"],
            ),
        ]
    )

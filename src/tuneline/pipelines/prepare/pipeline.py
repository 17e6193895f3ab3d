"""The prepare stage: raw → clean + rejected → examples."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.prepare.nodes import build_examples, check_leaks, clean_rows


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                clean_rows,
                name="clean_rows",
                inputs=["raw", "params:data"],
                outputs=["clean", "rejected"],
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

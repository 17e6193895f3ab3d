"""The publish stage: adapter + report → card, release."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.publish.nodes import (
    assemble_release,
    check_release,
    publish_release,
    write_card,
)


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                write_card,
                name="write_card",
                inputs={
                    **{
                        name: name
                        for name in (
                            "adapter",
                            "cleaning_report",
                            "leak_report",
                            "train",
                            "training_record",
                            "scores",
                            "answers",
                            "answer_scores",
                            "rubric",
                            "merge_record",
                        )
                    },
                    "publish": "params:publish",
                    "prompt": "params:prompt",
                    "evaluation": "params:evaluation",
                },
                outputs="card",
            ),
            node(
                assemble_release,
                name="assemble_release",
                inputs=["adapter", "card", "scores", "training_record"],
                outputs="release_folder",
            ),
            node(
                check_release,
                name="check_release",
                inputs=["release_folder", "params:publish"],
                outputs="release",
            ),
            node(
                publish_release,
                name="publish_release",
                inputs=["release_folder", "release", "params:publish"],
                outputs="published",
            ),
        ]
    )

"""The publish stage: adapter + report → card, release."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.publish.nodes import (
    assemble_release,
    check_release,
    publish_release,
    write_card,
)


def create_pipeline(has_rubric: bool = False) -> Pipeline:
    """List the stage's nodes; with a rubric, its ratings are on the card."""
    return Pipeline(
        [
            Node(
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
                            "merge_record",
                            *(["rubric"] if has_rubric else []),
                        )
                    },
                    "publish": "params:publish",
                    "prompt": "params:prompt",
                    "evaluation": "params:evaluation",
                },
                outputs="card",
            ),
            Node(
                assemble_release,
                name="assemble_release",
                inputs=["adapter", "card", "scores", "training_record"],
                outputs="release_folder",
            ),
            Node(
                check_release,
                name="check_release",
                inputs=["release_folder", "params:publish"],
                outputs="release",
            ),
            Node(
                publish_release,
                name="publish_release",
                inputs=["release_folder", "release", "params:publish"],
                outputs="published",
            ),
        ]
    )

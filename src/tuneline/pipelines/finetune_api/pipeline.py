"""The finetune_api stage: examples → chats → remote job → remote answers."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.finetune_api.nodes import (
    answer_remotely,
    export_chats,
    price_job,
    tune_remotely,
)

SETTINGS = "params:finetune_api"


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            Node(
                export_chats,
                name="export_chats",
                inputs=["train", "validation", "responses", SETTINGS],
                outputs=["chat_train", "chat_validation", "export_report"],
            ),
            Node(
                price_job,
                name="price_job",
                inputs=["chat_train", SETTINGS, "params:prices"],
                outputs="job_cost",
            ),
            Node(
                tune_remotely,
                name="tune_remotely",
                inputs=["chat_train", "chat_validation", "job_cost", SETTINGS, "params:prices"],
                outputs="remote_job",
            ),
            Node(
                answer_remotely,
                name="answer_remotely",
                inputs=[
                    "test",
                    "remote_job",
                    "responses",
                    SETTINGS,
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs="remote_answers",
            ),
        ]
    )

"""The train_remotely stage: examples → chats → remote job → remote answers."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.finetune_api.nodes import (
    answer_remotely,
    export_chats,
    price_job,
    tune_remotely,
)


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                export_chats,
                name="export_chats",
                inputs=["train", "validation", "params:remote_training"],
                outputs=["chat_train", "chat_validation", "export_report"],
            ),
            node(
                price_job,
                name="price_job",
                inputs=["chat_train", "params:remote_training", "params:prices"],
                outputs="job_price",
            ),
            node(
                tune_remotely,
                name="tune_remotely",
                inputs=[
                    "chat_train",
                    "chat_validation",
                    "job_price",
                    "params:remote_training",
                    "params:prices",
                ],
                outputs="remote_job",
            ),
            node(
                answer_remotely,
                name="answer_remotely",
                inputs=[
                    "test",
                    "remote_job",
                    "replies",
                    "params:remote_training",
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs="remote_answers",
            ),
        ]
    )

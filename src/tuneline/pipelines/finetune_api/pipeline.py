"""The finetune_api stage: examples → chats → remote job → remote answers."""

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
                inputs=["train", "validation", "params:finetune_api"],
                outputs=["chat_train", "chat_validation", "export_report"],
            ),
            node(
                price_job,
                name="price_job",
                inputs=["chat_train", "params:finetune_api", "params:prices"],
                outputs="job_cost",
            ),
            node(
                tune_remotely,
                name="tune_remotely",
                inputs=[
                    "chat_train",
                    "chat_validation",
                    "job_cost",
                    "params:finetune_api",
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
                    "responses",
                    "params:finetune_api",
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs="remote_answers",
            ),
        ]
    )

"""The plan stage: examples → token_report → plan."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.plan.nodes import (
    count_tokens,
    make_plan,
    plot_tokens,
    preview_masks,
    write_plan,
)
from tuneline.pipelines.plan.replay import answer_general_prompts


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            Node(
                answer_general_prompts,
                name="answer_general_prompts",
                inputs=[
                    "train",
                    "answer_cache",
                    "params:data",
                    "params:recipe",
                    "params:hardware",
                ],
                outputs="replay",
            ),
            Node(
                count_tokens,
                name="count_tokens",
                inputs=["train", "validation", "test", "params:recipe", "replay"],
                outputs="token_report",
            ),
            Node(
                plot_tokens,
                name="plot_tokens",
                inputs=["token_report", "params:recipe"],
                outputs="token_plot",
            ),
            Node(
                make_plan,
                name="make_plan",
                inputs=[
                    "token_report",
                    "train",
                    "validation",
                    "test",
                    "checkpoints",
                    "training_records",
                    "score_versions",
                    "params:recipe",
                    "params:prompt",
                    "params:evaluation",
                    "params:hardware",
                    "replay",
                ],
                outputs="plan",
            ),
            Node(
                preview_masks,
                name="preview_masks",
                inputs=["train", "params:recipe"],
                outputs="mask_preview",
            ),
            Node(
                write_plan,
                name="write_plan",
                inputs=["plan", "token_plot", "params:settings"],
                outputs="plan_page",
            ),
        ]
    )

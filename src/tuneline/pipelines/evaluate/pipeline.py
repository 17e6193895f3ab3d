"""The evaluate stage: examples + adapter → answers → scores → report."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.evaluate.nodes import (
    answer_prompts,
    build_report,
    plot_scores,
    score_answers,
)


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                answer_prompts,
                name="answer_prompts",
                inputs=[
                    "test",
                    "train",
                    "adapter",
                    "params:recipe",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs="answers",
            ),
            node(
                score_answers,
                name="score_answers",
                inputs=["answers", "params:evaluation"],
                outputs="scores",
            ),
            node(plot_scores, name="plot_scores", inputs="scores", outputs="score_plot"),
            node(
                build_report,
                name="build_report",
                inputs=[
                    "scores",
                    "answers",
                    "plan",
                    "adapter",
                    "score_plot",
                    "loss_curve",
                    "token_plot",
                    "params:evaluation",
                ],
                outputs="report",
            ),
        ]
    )

"""The evaluate stage: examples + adapter → answers → scores → report."""

from kedro.pipeline import Pipeline, node
from kedro.pipeline.node import Node

from tuneline.pipelines.evaluate.metrics import measure_answers
from tuneline.pipelines.evaluate.nodes import answer_prompts, score_answers, score_remote_answers
from tuneline.pipelines.evaluate.report_nodes import build_report, compare_runs, plot_scores
from tuneline.pipelines.evaluate.rubric.nodes import (
    judge_answers,
    make_rating_sheet,
    read_ratings,
    summarize_rubric,
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
                    "answer_cache",
                    "params:recipe",
                    "params:prompt",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs="answers",
            ),
            node(
                measure_answers,
                name="measure_answers",
                inputs=["answers", "train", "params:evaluation"],
                outputs="answer_scores",
            ),
            node(
                score_answers,
                name="score_answers",
                inputs=["answers", "answer_scores", "adapter", "params:evaluation"],
                outputs="scores",
            ),
            node(
                plot_scores,
                name="plot_scores",
                inputs="scores",
                outputs=["score_plot", "category_plot"],
            ),
            node(
                compare_runs,
                name="compare_runs",
                inputs=["score_versions", "scores"],
                outputs=["comparison", "comparison_plot"],
            ),
            *_create_rating_nodes(),
            node(
                build_report,
                name="build_report",
                inputs={
                    **{
                        name: name
                        for name in (
                            "scores",
                            "answers",
                            "answer_scores",
                            "rubric",
                            "comparison",
                            "plan",
                            "training_record",
                            "leak_report",
                            "cleaning_report",
                            "adapter",
                            "score_plot",
                            "category_plot",
                            "comparison_plot",
                            "loss_curve",
                            "token_plot",
                        )
                    },
                    "evaluation": "params:evaluation",
                },
                outputs="report",
            ),
        ]
    )


def create_remote_pipeline() -> Pipeline:
    """List what the stage does with the answers of a provider's model."""
    return Pipeline(
        [
            node(
                score_remote_answers,
                name="score_remote_answers",
                inputs=["remote_answers", "train", "remote_job", "params:evaluation"],
                outputs="remote_scores",
            )
        ]
    )


def _create_rating_nodes() -> list[Node]:
    return [
        node(
            judge_answers,
            name="judge_answers",
            inputs=["answers", "judge_cache", "params:evaluation"],
            outputs="judgments",
        ),
        node(
            make_rating_sheet,
            name="make_rating_sheet",
            inputs=["answers", "params:evaluation"],
            outputs=["rating_sheet", "rating_key"],
        ),
        node(
            read_ratings,
            name="read_ratings",
            inputs=["completed_sheets", "answers", "params:evaluation"],
            outputs=["ratings", "sheet_status"],
        ),
        node(
            summarize_rubric,
            name="summarize_rubric",
            inputs=["judgments", "ratings", "sheet_status", "answers", "params:evaluation"],
            outputs="rubric",
        ),
    ]

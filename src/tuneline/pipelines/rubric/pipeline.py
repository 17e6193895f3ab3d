"""The rubric stage: answers → judgments, rating sheet → ratings, feedback → rubric."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.rubric.nodes import (
    collect_feedback,
    judge_answers,
    make_rating_page,
    make_rating_sheet,
    read_ratings,
    summarize_rubric,
)


def create_pipeline() -> Pipeline:
    """List the stage's nodes. The report, which shows the ratings, is the evaluate stage's."""
    return Pipeline(
        [
            Node(
                judge_answers,
                name="judge_answers",
                inputs=["answers", "judge_responses", "params:evaluation"],
                outputs="judgments",
            ),
            Node(
                make_rating_sheet,
                name="make_rating_sheet",
                inputs=["answers", "params:evaluation"],
                outputs=["rating_sheet", "rating_key"],
            ),
            Node(
                make_rating_page,
                name="make_rating_page",
                inputs=["answers", "params:evaluation"],
                outputs="rating_page",
            ),
            Node(
                read_ratings,
                name="read_ratings",
                inputs=["completed_sheets", "answers", "params:evaluation"],
                outputs=["ratings", "sheet_status"],
            ),
            Node(
                collect_feedback,
                name="collect_feedback",
                inputs=[
                    "completed_sheets",
                    "answers",
                    "scores",
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs="collected_feedback",
            ),
            Node(
                summarize_rubric,
                name="summarize_rubric",
                inputs=[
                    "judgments",
                    "ratings",
                    "sheet_status",
                    "answers",
                    "params:evaluation",
                    "collected_feedback",
                ],
                outputs="rubric",
            ),
        ]
    )

"""The synthesise stage: templates → dialogues → raw."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.synthesize.nodes import (
    check_templates,
    estimate_cost,
    extend_templates,
    merge_dialogues,
    moderate_dialogues,
    report_synthesis,
    write_answers,
    write_questions,
)

SETTINGS = ["params:synthesise", "params:prices"]


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                check_templates,
                name="check_templates",
                inputs=["templates", "vocabulary", "params:synthesise"],
                outputs="checked_templates",
            ),
            node(
                estimate_cost,
                name="estimate_cost",
                inputs=["checked_templates", *SETTINGS],
                outputs="cost_estimate",
            ),
            node(
                extend_templates,
                name="extend_templates",
                inputs=["checked_templates", "vocabulary", "replies", "cost_estimate", *SETTINGS],
                outputs=["all_templates", "template_record"],
            ),
            node(
                write_answers,
                name="write_answers",
                inputs=["all_templates", "vocabulary", "replies", "template_record", *SETTINGS],
                outputs=["drafts", "answer_record"],
            ),
            node(
                write_questions,
                name="write_questions",
                inputs=[
                    "drafts",
                    "vocabulary",
                    "replies",
                    "template_record",
                    "answer_record",
                    *SETTINGS,
                ],
                outputs=["dialogues", "question_record"],
            ),
            node(
                moderate_dialogues,
                name="moderate_dialogues",
                inputs=["dialogues", "params:synthesise"],
                outputs=["cleared", "flagged"],
            ),
            node(
                report_synthesis,
                name="report_synthesis",
                inputs=[
                    "cost_estimate",
                    "all_templates",
                    "drafts",
                    "dialogues",
                    "cleared",
                    "flagged",
                    "collected",
                    "template_record",
                    "answer_record",
                    "question_record",
                    "params:synthesise",
                ],
                outputs=["synthesis_report", "invalid"],
            ),
            node(
                merge_dialogues,
                name="merge_dialogues",
                inputs=["cleared", "collected", "synthesis_report", "params:synthesise"],
                outputs="raw",
            ),
        ]
    )

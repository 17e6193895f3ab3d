"""The synthesize stage: templates → conversations → raw."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.synthesize.template_nodes import (
    check_templates,
    estimate_cost,
    extend_templates,
    merge_conversations,
    moderate_conversations,
    report_synthesis,
    write_answers,
    write_questions,
)

SETTINGS = ["params:synthesize", "params:prices"]


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            Node(
                check_templates,
                name="check_templates",
                inputs=["templates", "vocabulary", "params:synthesize"],
                outputs="checked_templates",
            ),
            Node(
                estimate_cost,
                name="estimate_cost",
                inputs=["checked_templates", *SETTINGS],
                outputs="cost_estimate",
            ),
            Node(
                extend_templates,
                name="extend_templates",
                inputs=["checked_templates", "vocabulary", "responses", "cost_estimate", *SETTINGS],
                outputs=["all_templates", "template_record"],
            ),
            Node(
                write_answers,
                name="write_answers",
                inputs=["all_templates", "vocabulary", "responses", "template_record", *SETTINGS],
                outputs=["written_answers", "answer_record"],
            ),
            Node(
                write_questions,
                name="write_questions",
                inputs=[
                    "written_answers",
                    "vocabulary",
                    "responses",
                    "template_record",
                    "answer_record",
                    *SETTINGS,
                ],
                outputs=["conversations", "question_record"],
            ),
            Node(
                moderate_conversations,
                name="moderate_conversations",
                inputs=["conversations", "responses", "params:synthesize"],
                outputs=["moderated", "flagged"],
            ),
            Node(
                report_synthesis,
                name="report_synthesis",
                inputs=[
                    "cost_estimate",
                    "all_templates",
                    "written_answers",
                    "conversations",
                    "moderated",
                    "flagged",
                    "human_written",
                    "template_record",
                    "answer_record",
                    "question_record",
                    "params:synthesize",
                ],
                outputs=["synthesis_report", "invalid"],
            ),
            Node(
                merge_conversations,
                name="merge_conversations",
                inputs=["moderated", "human_written", "synthesis_report", "params:synthesize"],
                outputs="raw",
            ),
        ]
    )

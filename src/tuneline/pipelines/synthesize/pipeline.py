"""The synthesize stage: templates, documents or own rows → raw."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.synthesize.document_nodes import (
    collect_pairs,
    divide_documents,
    judge_pairs,
    moderate_pairs,
    report_pairs,
    write_pairs,
)
from tuneline.pipelines.synthesize.pair_plan import estimate_pairs
from tuneline.pipelines.synthesize.row_nodes import (
    estimate_rows,
    merge_rows,
    moderate_new_rows,
    read_own_rows,
    report_rows,
    write_rows,
)
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


def create_pipeline(source: str = "templates") -> Pipeline:
    """List the nodes that write rows from one of `SOURCES`."""
    makers = {"templates": _from_templates, "documents": _from_documents, "rows": _from_rows}
    return makers[source]()


def _from_templates() -> Pipeline:
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


def _from_documents() -> Pipeline:
    return Pipeline(
        [
            Node(
                divide_documents,
                name="divide_documents",
                inputs=["documents", "params:synthesize"],
                outputs=["chunks", "chunk_report"],
            ),
            Node(
                estimate_pairs,
                name="estimate_cost",
                inputs=["chunks", *SETTINGS],
                outputs="cost_estimate",
            ),
            Node(
                write_pairs,
                name="write_pairs",
                inputs=["chunks", "responses", "cost_estimate", *SETTINGS],
                outputs=["written_rows", "writing_record"],
            ),
            Node(
                judge_pairs,
                name="judge_pairs",
                inputs=["written_rows", "responses", "writing_record", *SETTINGS],
                outputs=["supported_pairs", "judge_record"],
            ),
            Node(
                moderate_pairs,
                name="moderate_pairs",
                inputs=["supported_pairs", "responses", "params:synthesize"],
                outputs=["moderated", "flagged"],
            ),
            Node(
                report_pairs,
                name="report_synthesis",
                inputs=[
                    "cost_estimate",
                    "chunk_report",
                    "written_rows",
                    "supported_pairs",
                    "moderated",
                    "flagged",
                    "writing_record",
                    "judge_record",
                ],
                outputs=["synthesis_report", "invalid"],
            ),
            Node(
                collect_pairs,
                name="collect_pairs",
                inputs=["moderated", "synthesis_report", "params:synthesize"],
                outputs="raw",
            ),
        ]
    )


def _from_rows() -> Pipeline:
    return Pipeline(
        [
            Node(
                read_own_rows,
                name="read_own_rows",
                inputs=["own_rows", "params:synthesize"],
                outputs=["read_rows", "passed_over"],
            ),
            Node(
                estimate_rows,
                name="estimate_cost",
                inputs=["read_rows", *SETTINGS],
                outputs="cost_estimate",
            ),
            Node(
                write_rows,
                name="write_rows",
                inputs=["read_rows", "responses", "cost_estimate", *SETTINGS],
                outputs=["written_rows", "writing_record"],
            ),
            Node(
                moderate_new_rows,
                name="moderate_rows",
                inputs=["written_rows", "responses", "params:synthesize"],
                outputs=["moderated", "flagged"],
            ),
            Node(
                report_rows,
                name="report_synthesis",
                inputs=[
                    "cost_estimate",
                    "read_rows",
                    "passed_over",
                    "written_rows",
                    "moderated",
                    "flagged",
                    "writing_record",
                    "params:synthesize",
                ],
                outputs=["synthesis_report", "invalid"],
            ),
            Node(
                merge_rows,
                name="merge_rows",
                inputs=["read_rows", "moderated", "synthesis_report", "params:synthesize"],
                outputs="raw",
            ),
        ]
    )

"""The evaluate stage: examples + adapter → answers → scores → report."""

from kedro.pipeline import Node, Pipeline

from tuneline.metrics import measure_answers
from tuneline.pipelines.evaluate.answering_nodes import (
    answer_fold,
    answer_prompts,
    answer_questions,
)
from tuneline.pipelines.evaluate.cross_fitting import join_answers
from tuneline.pipelines.evaluate.file_scores import score_file_answers
from tuneline.pipelines.evaluate.next_steps import suggest_next_steps
from tuneline.pipelines.evaluate.report_nodes import build_report, compare_runs, plot_scores
from tuneline.pipelines.evaluate.retention import score_retention
from tuneline.pipelines.evaluate.scoring_nodes import score_answers, score_remote_answers
from tuneline.use_cases import name_fold

REPORTED = (
    "scores",
    "answers",
    "answer_scores",
    "next_steps",
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
    "file_scores",
    "retention",
)


# What both models need to answer, after the examples and the adapter.
ASKING = ["answer_cache", "recipe", "params:prompt", "params:evaluation", "params:hardware"]


def create_pipeline(has_rubric: bool = False, folds: int = 0) -> Pipeline:
    """List the stage's nodes.

    Args:
        has_rubric: whether the answers are rated before the report is written: then its node is
            the rubric stage's last one.
        folds: each answered by an adapter of its own; 0 where one adapter answers a test split.
    """
    nodes = Pipeline(
        [
            *(_list_folds(folds) if folds else _list_answering()),
            Node(
                score_answers,
                name="score_answers",
                inputs=[
                    "answers",
                    "answer_scores",
                    "adapter",
                    "retention",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs="scores",
            ),
            Node(
                score_retention,
                name="score_retention",
                inputs=["retention_answers", "params:evaluation"],
                outputs="retention",
            ),
            Node(
                suggest_next_steps,
                name="suggest_next_steps",
                inputs=[
                    "scores",
                    "answers",
                    "answer_scores",
                    "training_record",
                    "plan",
                    "params:data",
                    "recipe",
                    "params:evaluation",
                    "retention",
                ],
                outputs="next_steps",
            ),
            Node(
                plot_scores,
                name="plot_scores",
                inputs="scores",
                outputs=["score_plot", "category_plot"],
            ),
            Node(
                compare_runs,
                name="compare_runs",
                inputs=["score_versions", "scores"],
                outputs=["comparison", "comparison_plot"],
            ),
        ]
    )
    return nodes if has_rubric else nodes + create_report_pipeline()


def _list_answering() -> list[Node]:
    return [
        Node(
            answer_prompts,
            name="answer_prompts",
            inputs=["test", "train", "adapter", *ASKING],
            outputs=["answers", "retention_answers"],
        ),
        Node(
            measure_answers,
            name="measure_answers",
            inputs=["answers", "train", "params:evaluation"],
            outputs="answer_scores",
        ),
    ]


def _list_folds(folds: int) -> list[Node]:
    numbers = range(1, folds + 1)
    own = ("test", "train", "adapter")
    given = [name_fold(number, name) for number in numbers for name in ("answers", "train")]
    return [
        *(
            Node(
                answer_fold,
                name=f"answer_fold_{number}",
                inputs=[
                    *(name_fold(number, name) for name in own),
                    *ASKING,
                ],
                outputs=name_fold(number, "answers"),
            )
            for number in numbers
        ),
        Node(
            answer_questions,
            name="answer_questions",
            inputs=["test", "train", "adapter", *ASKING],
            outputs=["released_answers", "retention_answers"],
        ),
        Node(
            join_answers,
            name="join_answers",
            inputs=[
                "test",
                "train",
                "released_answers",
                "params:prompt",
                "params:evaluation",
                *given,
            ],
            outputs=["answers", "answer_scores"],
        ),
    ]


def create_report_pipeline(has_rubric: bool = False) -> Pipeline:
    """List what writes the report, with the ratings of a rubric if there is one."""
    inputs = [*REPORTED, *(["rubric"] if has_rubric else [])]
    return Pipeline(
        [
            Node(
                build_report,
                name="build_report",
                inputs={name: name for name in inputs} | {"evaluation": "params:evaluation"},
                outputs="report",
            )
        ]
    )


def create_remote_pipeline() -> Pipeline:
    """List what the stage does with the answers of a provider's model."""
    return Pipeline(
        [
            Node(
                score_remote_answers,
                name="score_remote_answers",
                inputs=["remote_answers", "train", "remote_job", "params:evaluation"],
                outputs="remote_scores",
            )
        ]
    )


def create_file_pipeline() -> Pipeline:
    """List what the stage does with the answers of the exported files."""
    return Pipeline(
        [
            Node(
                score_file_answers,
                name="score_file_answers",
                inputs=[
                    "file_answers",
                    "gguf_stats",
                    "answers",
                    "train",
                    "scores",
                    "params:evaluation",
                ],
                outputs="file_scores",
            )
        ]
    )

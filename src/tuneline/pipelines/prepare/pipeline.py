"""The prepare stage: raw, feedback → clean + rejected (→ pairs) → split → leak check → examples."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.prepare.cleaning_report import plot_cleaning
from tuneline.pipelines.prepare.cross_fitting import cross_fit_examples, split_all_rows
from tuneline.pipelines.prepare.data_page import check_data
from tuneline.pipelines.prepare.feedback import clean_feedback
from tuneline.pipelines.prepare.nodes import (
    build_examples,
    check_leaks,
    clean_rows,
    make_pairs,
    split_rows,
)
from tuneline.use_cases import name_fold

# An adapter that is trained further; a run gives it to every use case, as most state none.
START = "params:recipe.start_from"


def create_cleaning_pipeline() -> Pipeline:
    """List the nodes from raw to clean rows, feedback too; a box of their own in the lineage."""
    return Pipeline(
        [
            Node(
                clean_rows,
                name="clean_rows",
                inputs=["raw", "params:data", "cleaning_folder"],
                outputs=["clean", "rejected", "cleaning_report"],
            ),
            Node(
                clean_feedback,
                name="clean_feedback",
                inputs=["feedback", "params:data", "params:prompt", "cleaning_report"],
                outputs=["clean_feedback", "rejected_feedback"],
            ),
            Node(
                plot_cleaning,
                name="plot_cleaning",
                inputs="cleaning_report",
                outputs="cleaning_plot",
            ),
        ]
    )


def create_pipeline(makes_pairs: bool = False, folds: int = 0) -> Pipeline:
    """List the nodes from clean rows, or the pairs made of them, to examples.

    With `folds`, all rows are held out in turn.
    """
    making = Node(
        make_pairs,
        name="make_pairs",
        inputs=["clean", "cleaning_report", "params:data"],
        outputs=["pairs", "pair_report"],
    )
    return Pipeline(
        [
            *([making] if makes_pairs else []),
            Node(
                split_all_rows if folds else split_rows,
                name="split_rows",
                inputs=_list_splitting_inputs(makes_pairs, folds),
                outputs="rows",
            ),
            *(_list_cross_fitting(folds) if folds else _list_splitting()),
            Node(
                check_data,
                name="check_data",
                inputs=[
                    "leak_free_rows",
                    *("train", "validation", "test"),
                    *("leaks", "copies", "leak_report", "cleaning_report"),
                    *("params:data", "params:prompt", "params:evaluation"),
                ],
                outputs=["data_check", "data_page"],
            ),
        ]
    )


def _list_splitting_inputs(makes_pairs: bool, folds: int) -> dict[str, str]:
    return {
        "pairs": "pairs" if makes_pairs else "clean",
        "data": "params:data",
        **({} if makes_pairs else {"cleaning_report": "cleaning_report"}),
        **({} if folds else {"prompt": "params:prompt", "start_from": START}),
    }


def _list_splitting() -> list[Node]:
    return [
        Node(
            check_leaks,
            name="check_leaks",
            inputs=[
                "rows",
                "params:data",
                "params:prompt",
                "params:evaluation",
                "clean_feedback",
                START,
            ],
            outputs=["leak_free_rows", "leaks", "copies", "leak_report"],
        ),
        Node(
            build_examples,
            name="build_examples",
            inputs=["leak_free_rows", "params:data", "params:prompt", "clean_feedback", "leaks"],
            outputs=["train", "validation", "test"],
        ),
    ]


def _list_cross_fitting(folds: int) -> list[Node]:
    divided = [
        name_fold(number, split)
        for number in range(1, folds + 1)
        for split in ("train", "validation", "test")
    ]
    return [
        Node(
            cross_fit_examples,
            name="cross_fit_examples",
            inputs=["rows", "params:data", "params:prompt", "params:evaluation", "clean_feedback"],
            outputs=[
                *("train", "validation", "test", "leak_free_rows"),
                *("leaks", "copies", "leak_report", *divided),
            ],
        )
    ]

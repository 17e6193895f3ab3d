"""The prepare stage: raw → clean + rejected (→ pairs) → split → leak check → examples."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.prepare.data_page import check_data
from tuneline.pipelines.prepare.nodes import (
    build_examples,
    check_leaks,
    clean_rows,
    make_pairs,
    plot_cleaning,
    split_rows,
)


def create_cleaning_pipeline() -> Pipeline:
    """List the nodes from raw to clean rows, which are a box of their own in the lineage."""
    return Pipeline(
        [
            Node(
                clean_rows,
                name="clean_rows",
                inputs=["raw", "params:data", "cleaning_folder"],
                outputs=["clean", "rejected", "cleaning_report"],
            ),
            Node(
                plot_cleaning,
                name="plot_cleaning",
                inputs="cleaning_report",
                outputs="cleaning_plot",
            ),
        ]
    )


def create_pipeline(makes_pairs: bool = False) -> Pipeline:
    """List the nodes from clean rows to examples.

    Args:
        makes_pairs: whether examples are made of pairs rather than of the clean rows themselves.
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
                split_rows,
                name="split_rows",
                inputs=["pairs", "params:data"]
                if makes_pairs
                else ["clean", "params:data", "cleaning_report"],
                outputs="rows",
            ),
            Node(
                check_leaks,
                name="check_leaks",
                inputs=["rows", "params:data", "params:prompt", "params:evaluation"],
                outputs=["leak_free_rows", "leaks", "copies", "leak_report"],
            ),
            Node(
                build_examples,
                name="build_examples",
                inputs=["leak_free_rows", "params:data", "params:prompt"],
                outputs=["train", "validation", "test"],
            ),
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

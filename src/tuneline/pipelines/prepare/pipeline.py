"""The prepare stage: raw → clean + rejected (→ pairs) → examples."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.prepare.nodes import (
    build_examples,
    check_leaks,
    clean_rows,
    make_pairs,
    plot_cleaning,
)


def create_pipeline(makes_pairs: bool = False) -> Pipeline:
    """List the stage's nodes.

    Args:
        makes_pairs: whether examples are made of pairs rather than of the clean rows themselves.
    """
    pairs = "pairs" if makes_pairs else "clean"
    making = node(
        make_pairs,
        name="make_pairs",
        inputs=["clean", "params:data"],
        outputs=["pairs", "pair_report"],
    )
    return Pipeline(
        [
            node(
                clean_rows,
                name="clean_rows",
                inputs=["raw", "params:data"],
                # In this order: the report is ready when the other two are saved.
                outputs=["clean", "rejected", "cleaning_report"],
            ),
            node(
                plot_cleaning,
                name="plot_cleaning",
                inputs="cleaning_report",
                outputs="cleaning_plot",
            ),
            *([making] if makes_pairs else []),
            node(
                build_examples,
                name="build_examples",
                inputs=[pairs, "params:data", "params:prompt"],
                outputs=["sampled_train", "sampled_validation", "sampled_test"],
            ),
            node(
                check_leaks,
                name="check_leaks",
                inputs=[
                    "sampled_train",
                    "sampled_validation",
                    "sampled_test",
                    pairs,
                    "params:data",
                    "params:prompt",
                    "params:evaluation",
                ],
                outputs=["train", "validation", "test", "leaks", "leak_report"],
            ),
        ]
    )

"""The sweep stage: examples + sweep_plan → sweep_results → sweep_record, sweep_page."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.sweep.nodes import compare_trials, plot_trials, run_trials, write_sweep_page


def create_pipeline() -> Pipeline:
    """List the stage's nodes. The plan stage plans it; the test split is not read."""
    return Pipeline(
        [
            Node(
                run_trials,
                name="run_trials",
                inputs=[
                    "train",
                    "validation",
                    "sweep_plan",
                    "sweep_checkpoints",
                    "hardware",
                    "replay",
                ],
                outputs="sweep_results",
            ),
            Node(
                compare_trials,
                name="compare_trials",
                inputs=[
                    "sweep_results",
                    "sweep_plan",
                    "validation",
                    "params:evaluation",
                    "params:settings",
                ],
                outputs=["sweep_table", "sweep_record"],
            ),
            Node(plot_trials, name="plot_trials", inputs="sweep_results", outputs="sweep_plot"),
            Node(
                write_sweep_page,
                name="write_sweep_page",
                inputs=["sweep_record", "sweep_plan", "sweep_plot"],
                outputs="sweep_page",
            ),
        ]
    )

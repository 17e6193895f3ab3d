"""The train stage: examples + plan → adapter + training_log."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.train.nodes import plot_losses, train_adapter


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                train_adapter,
                name="train_adapter",
                inputs=["train", "validation", "plan", "params:recipe", "params:hardware"],
                outputs=["adapter", "training_log"],
            ),
            node(plot_losses, name="plot_losses", inputs="training_log", outputs="loss_curve"),
        ]
    )

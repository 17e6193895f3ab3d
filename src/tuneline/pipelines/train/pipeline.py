"""The train stage: examples + plan → adapter + training_record."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.train.nodes import plot_epochs, plot_losses, record_training, train_adapter


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            Node(
                train_adapter,
                name="train_adapter",
                inputs=[
                    "train",
                    "validation",
                    "plan",
                    "checkpoints",
                    "params:recipe",
                    "params:hardware",
                    "replay",
                ],
                outputs=["adapter", "training_log", "training_stats"],
            ),
            Node(plot_losses, name="plot_losses", inputs="training_log", outputs="loss_curve"),
            Node(
                record_training,
                name="record_training",
                inputs=[
                    "training_log",
                    "training_stats",
                    "plan",
                    "adapter",
                    "params:recipe",
                    "params:hardware",
                ],
                outputs=["epochs", "training_record"],
            ),
            Node(plot_epochs, name="plot_epochs", inputs="epochs", outputs="epochs_plot"),
        ]
    )

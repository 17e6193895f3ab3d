"""The train stage: examples + plan → adapter + training_record."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.train.nodes import plot_epochs, plot_losses, record_training, train_adapter
from tuneline.use_cases import name_fold


def create_pipeline(folds: int = 0) -> Pipeline:
    """List the stage's nodes; each of the `folds` trains an adapter that is only measured."""
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
                    "recipe",
                    "hardware",
                    "replay",
                ],
                outputs=["adapter", "training_log", "training_stats"],
            ),
            Node(plot_losses, name="plot_losses", inputs="training_log", outputs="loss_curve"),
            Node(
                record_training,
                name="record_training",
                inputs=["training_log", "training_stats", "plan", "adapter", "recipe", "hardware"],
                outputs=["epochs", "training_record"],
            ),
            Node(plot_epochs, name="plot_epochs", inputs="epochs", outputs="epochs_plot"),
            *(_make_fold(number) for number in range(1, folds + 1)),
        ]
    )


def _make_fold(number: int) -> Node:
    """Train the adapter of a fold as the released one is trained."""
    own = [name_fold(number, name) for name in ("train", "validation", "plan", "checkpoints")]
    made = ("adapter", "training_log", "training_stats")
    return Node(
        train_adapter,
        name=f"train_fold_{number}",
        inputs=[*own, "recipe", "hardware", "replay"],
        outputs=[name_fold(number, name) for name in made],
    )

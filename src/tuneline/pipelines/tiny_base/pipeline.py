"""The tiny_base pipeline: raw text of the training side → a small base model."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.tiny_base.nodes import collect_texts, train_base_model


def create_pipeline() -> Pipeline:
    """List the pipeline's nodes."""
    return Pipeline(
        [
            node(
                collect_texts,
                name="collect_texts",
                inputs=[
                    "product_descriptions.clean",
                    "product_descriptions.train",
                    "params:product_descriptions.data",
                ],
                outputs="base_texts",
            ),
            node(
                train_base_model,
                name="train_base_model",
                inputs=["base_texts", "params:tiny_base"],
                outputs="tiny_base",
            ),
        ],
        tags=["tiny_base"],
    )

"""The tiny_base pipeline: raw text of every use case's training side → a small base model."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.tiny_base.nodes import collect_texts, train_base_model


def create_pipeline(use_cases: dict[str, str]) -> Pipeline:
    """List the pipeline's nodes.

    Args:
        use_cases: for each use case the dataset that its examples are made of, `clean` or `pairs`.
    """
    collecting = [
        node(
            collect_texts,
            name="collect_texts",
            namespace=use_case,
            inputs=[f"{use_case}.{pairs}", f"{use_case}.train", f"params:{use_case}.prompt"],
            outputs=f"{use_case}.base_texts",
        )
        for use_case, pairs in use_cases.items()
    ]
    training = node(
        train_base_model,
        name="train_base_model",
        inputs={
            "tiny_base": "params:tiny_base",
            **{use_case: f"{use_case}.base_texts" for use_case in use_cases},
        },
        outputs="tiny_base",
    )
    return Pipeline([*collecting, training], tags=["tiny_base"])

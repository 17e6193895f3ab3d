"""The merge stage: adapter + base → merged, gguf, merge_record."""

from kedro.pipeline import Pipeline, node

from tuneline.pipelines.merge.nodes import convert_to_gguf, merge_adapter, record_merge


def create_pipeline() -> Pipeline:
    """List the stage's nodes."""
    return Pipeline(
        [
            node(
                merge_adapter,
                name="merge_adapter",
                inputs=[
                    "adapter",
                    "test",
                    "merge_disk_space",
                    "params:recipe",
                    "params:merge",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs=["merged", "merge_stats"],
            ),
            node(
                convert_to_gguf,
                name="convert_to_gguf",
                inputs=[
                    "merged",
                    "params:merge",
                    "params:prompt",
                    "params:recipe",
                    "params:evaluation",
                ],
                outputs=["gguf", "gguf_stats"],
            ),
            node(
                record_merge,
                name="record_merge",
                inputs=["merge_stats", "gguf_stats", "merged", "gguf"],
                outputs="merge_record",
            ),
        ]
    )

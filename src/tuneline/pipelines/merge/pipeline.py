"""The merge stage: adapter + base → merged, gguf, file_answers, merge_record."""

from kedro.pipeline import Node, Pipeline

from tuneline.pipelines.merge.file_answers import ask_files
from tuneline.pipelines.merge.nodes import (
    compare_merged,
    convert_to_gguf,
    merge_adapter,
    record_merge,
)


def create_pipeline() -> Pipeline:
    """List the stage's nodes; the evaluate stage scores what the files answer in between."""
    return Pipeline(
        [
            Node(
                merge_adapter,
                name="merge_adapter",
                inputs=[
                    "adapter",
                    "test",
                    "merge_folder",
                    "recipe",
                    "params:merge",
                    "params:evaluation",
                    "params:hardware",
                    "scores",
                ],
                outputs="merge_stats",
            ),
            Node(
                compare_merged,
                name="compare_merged",
                inputs=[
                    "merge_stats",
                    "adapter",
                    "test",
                    "merge_folder",
                    "recipe",
                    "params:merge",
                    "params:evaluation",
                    "params:hardware",
                ],
                outputs=["merged", "merge_comparison"],
            ),
            Node(
                convert_to_gguf,
                name="convert_to_gguf",
                inputs=[
                    "merged",
                    "merge_folder",
                    "params:merge",
                    "params:prompt",
                    "recipe",
                    "params:evaluation",
                ],
                outputs=["gguf", "gguf_stats"],
            ),
            Node(
                ask_files,
                name="ask_files",
                inputs=[
                    "gguf",
                    "gguf_stats",
                    "answers",
                    "adapter",
                    "file_answer_cache",
                    "params:merge",
                    "params:evaluation",
                ],
                outputs="file_answers",
            ),
            Node(
                record_merge,
                name="record_merge",
                inputs=[
                    "merge_stats",
                    "merge_comparison",
                    "gguf_stats",
                    "merged",
                    "gguf",
                    "file_scores",
                ],
                outputs="merge_record",
            ),
        ]
    )

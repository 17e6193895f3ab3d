"""merge: adapter + base → merged, gguf, merge_record."""

from tuneline.pipelines.merge.pipeline import create_pipeline

__all__ = ["create_pipeline"]

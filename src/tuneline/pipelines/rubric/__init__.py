"""The rubric stage."""

from tuneline.pipelines.rubric.pipeline import create_pipeline

__all__ = ["create_pipeline"]

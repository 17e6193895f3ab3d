"""The publish stage."""

from tuneline.pipelines.publish.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""The overview stage: what became of every use case, on one page."""

from tuneline.pipelines.overview.pipeline import create_pipeline

__all__ = ["create_pipeline"]

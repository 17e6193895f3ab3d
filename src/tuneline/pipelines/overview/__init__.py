"""The overview: how far every use case is, and what became of it, on one page."""

from tuneline.pipelines.overview.pipeline import create_pipeline

__all__ = ["create_pipeline"]

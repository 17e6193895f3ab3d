"""prepare: raw → clean + rejected → examples."""

from tuneline.pipelines.prepare.pipeline import create_cleaning_pipeline, create_pipeline

__all__ = ["create_cleaning_pipeline", "create_pipeline"]

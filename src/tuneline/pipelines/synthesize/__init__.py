"""synthesize: templates, documents or own rows → raw."""

from tuneline.pipelines.synthesize.pipeline import create_pipeline

__all__ = ["create_pipeline"]

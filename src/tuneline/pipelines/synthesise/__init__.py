"""synthesise: templates → dialogues → raw."""

from tuneline.pipelines.synthesise.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""The ask stage: questions + adapter → asked, base and tuned answers side by side."""

from tuneline.pipelines.ask.pipeline import create_pipeline

__all__ = ["create_pipeline"]

"""tiny_base: the training side's raw text → a small base model for laptops and tests."""

from tuneline.pipelines.tiny_base.pipeline import create_pipeline

__all__ = ["create_pipeline"]

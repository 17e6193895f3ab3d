"""train: examples + plan → adapter + training_record."""

from tuneline.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]

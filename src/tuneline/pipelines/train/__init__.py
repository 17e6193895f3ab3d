"""train: examples + plan → adapter + training_log."""

from tuneline.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]

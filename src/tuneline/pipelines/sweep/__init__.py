"""sweep: a few short trainings, judged by the answers to the validation prompts."""

from tuneline.pipelines.sweep.pipeline import create_pipeline

__all__ = ["create_pipeline"]

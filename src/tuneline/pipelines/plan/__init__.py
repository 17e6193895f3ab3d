"""plan: examples → token_report → plan, before anything is loaded."""

from tuneline.pipelines.plan.pipeline import create_pipeline, create_sweep_pipeline

__all__ = ["create_pipeline", "create_sweep_pipeline"]

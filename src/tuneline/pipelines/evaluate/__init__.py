"""evaluate: examples + adapter → answers → scores → report."""

from tuneline.pipelines.evaluate.pipeline import (
    create_file_pipeline,
    create_pipeline,
    create_remote_pipeline,
    create_report_pipeline,
)

__all__ = [
    "create_file_pipeline",
    "create_pipeline",
    "create_remote_pipeline",
    "create_report_pipeline",
]

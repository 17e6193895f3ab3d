"""What it forgot: base and tuned model on general prompts that have nothing to do with the rows."""

from tuneline.pipelines.evaluate.retention.scoring import describe_forgotten, score_retention
from tuneline.pipelines.evaluate.retention.suite import answer_suite, list_suite, render_suite

__all__ = ["answer_suite", "describe_forgotten", "list_suite", "render_suite", "score_retention"]

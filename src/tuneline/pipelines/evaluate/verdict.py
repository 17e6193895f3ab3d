"""The answer to "is it better than before?", in words that follow from the numbers."""

from typing import Any

from tuneline.pipelines.evaluate.metrics import METRICS


def conclude(metrics: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Conclude from the quality metrics.

    Args:
        metrics: comparisons by metric.

    Returns:
        `shown`: better, worse, mixed or no difference shown; and `words`, a sentence.
    """
    quality = {
        _within_sentence(metric.label): metrics[metric.name]["shown"]
        for metric in METRICS
        if metric.quality
    }
    better = [label for label, shown in quality.items() if shown == "better"]
    worse = [label for label, shown in quality.items() if shown == "worse"]
    if better and worse:
        words = f"Mixed: better on {_join(better)}, worse on {_join(worse)}."
        return {"shown": "mixed", "words": words}
    for shown, labels in (("better", better), ("worse", worse)):
        if labels:
            words = f"The tuned model is {shown} than the base model on {_join(labels)}."
            return {"shown": shown, "words": words}
    words = f"No difference shown between tuned and base model on {_join(list(quality))}."
    return {"shown": "no difference shown", "words": words}


def _within_sentence(label: str) -> str:
    """Write a label small, unless it is a name such as chrF or ROUGE-L."""
    return label.lower() if label[1:].islower() else label


def _join(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"

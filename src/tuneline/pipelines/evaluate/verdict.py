"""The answer to "is it better than before?", in words that follow from the numbers."""

from typing import Any

from tuneline.pipelines.evaluate.intervals import enough_rows
from tuneline.pipelines.evaluate.metrics import METRICS


def conclude(metrics: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Conclude from the metrics that count: those that look at what the models write.

    The loss does not count. It falls as soon as the form of an answer is learnt, right or wrong:
    an adapter that was trained on shuffled answers lowers it too (docs/log.md).

    Args:
        metrics: comparisons by metric.

    Returns:
        `shown`: better, worse, mixed or no difference shown; `metrics`: those it rests on;
        `words`: one or two sentences.
    """
    counting = [one for one in METRICS if one.counts and one.name in metrics]
    labels = {_within_sentence(one.label): metrics[one.name]["shown"] for one in counting}
    better = [label for label, shown in labels.items() if shown == "better"]
    worse = [label for label, shown in labels.items() if shown == "worse"]
    shown, words = _word(better, worse, list(labels))
    few = _few(metrics[counting[0].name]) if counting else ""
    return {
        "shown": shown,
        "words": " ".join(part for part in (words, few, _foresee(metrics, shown)) if part),
        "metrics": [one.name for one in counting],
    }


def _word(better: list[str], worse: list[str], all_of_them: list[str]) -> tuple[str, str]:
    if better and worse:
        return "mixed", f"Mixed: better on {_join(better)}, worse on {_join(worse)}."
    for shown, labels in (("better", better), ("worse", worse)):
        if labels:
            return shown, f"The tuned model is {shown} than the base model on {_join(labels)}."
    words = f"No difference shown between tuned and base model on {_join(all_of_them)}."
    return "no difference shown", words


def _few(metric: dict[str, Any]) -> str:
    if enough_rows(metric["rows"], metric["confidence"]):
        return ""
    return f"Prompts with a reference: {metric['rows']}, too few to show a difference."


def _foresee(metrics: dict[str, dict[str, Any]], verdict: str) -> str:
    shown = metrics.get("loss", {}).get("shown")
    if shown not in {"better", "worse"}:
        return ""
    if shown == verdict:
        return f"It foresees the references {shown}, too (loss)."
    return (
        f"It foresees the references {shown} (loss), which alone does not make its answers {shown}."
    )


def _within_sentence(label: str) -> str:
    """Write a label small, unless it is a name such as chrF or ROUGE-L."""
    return label.lower() if label[1:].islower() else label


def _join(labels: list[str]) -> str:
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"

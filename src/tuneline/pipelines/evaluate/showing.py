"""Answers as the report shows them: differences marked, figures missed, won or lost."""

from typing import Any

from tuneline.pipelines.evaluate.marking import mark_differences
from tuneline.pipelines.evaluate.metrics.key_figures import compare_row


def show_answers(
    answers: list[dict[str, Any]], language: str | None = None
) -> list[dict[str, Any]]:
    """Prepare every answer for the page.

    Args:
        answers: one row a prompt.
        language: of the answers, where one is stated; it decides how their figures are read.

    Returns:
        Rows with `id`, `source`, `category`, `context`, `prompt`, `reference`, `result` (win, tie,
        loss by chrF of the tuned answer; none without a reference) and for `base` and `tuned` the
        `text` with marks, whether it `stopped`, its `chrf`, and of the key figures and
        terms what it `missed` and `added`.
    """
    return [_show(row, language) for row in answers]


def _show(row: dict[str, Any], language: str | None) -> dict[str, Any]:
    sides = {who: _show_side(row, who, language) for who in ("base", "tuned")}
    return {
        "id": row["id"],
        "source": f"line {row['line']} of the raw data" if row["line"] else "evaluation.questions",
        "category": row["category"] or "",
        "context": row["context"],
        "prompt": row["prompt"],
        "reference": row["reference"],
        "result": _decide(sides["base"]["chrf"], sides["tuned"]["chrf"]),
        **sides,
    }


def _show_side(row: dict[str, Any], who: str, language: str | None) -> dict[str, Any]:
    from sacrebleu import sentence_chrf

    answer, reference = row[f"{who}_answer"], row["reference"]
    # Without a reference the answers are held against each other.
    other = row["tuned_answer" if who == "base" else "base_answer"]
    figures = compare_row(row, who, language)
    return {
        "text": mark_differences(answer, other if reference is None else reference),
        "stopped": row[f"{who}_stopped"],
        "chrf": None if reference is None else sentence_chrf(answer, [reference]).score,
        "missed": figures.missed,
        "added": figures.added,
    }


def _decide(base: float | None, tuned: float | None) -> str:
    if base is None or tuned is None:
        return "none"
    return "tie" if base == tuned else "win" if tuned > base else "loss"

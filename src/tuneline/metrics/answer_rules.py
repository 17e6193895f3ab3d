"""The expert's own rules: what an answer must contain, must not contain, match or state."""

from collections.abc import Iterator
from typing import Any

import regex

from tuneline.metrics.figures import read_figures
from tuneline.metrics.key_recall import holds_term
from tuneline.metrics.outputs import Outputs, average
from tuneline.parameters import Evaluation
from tuneline.statistics.paired_comparison import Metric, SampleScores

METRICS = (
    Metric(
        "answer_rules",
        "Rules kept",
        "higher",
        "Share of answers that keep every rule that is stated for them.",
        percent=True,
        decides_verdict=True,
    ),
)
# A pattern of a user's own may take forever on a long answer; then it has not matched.
SECONDS = 2.0


def measure(outputs: Outputs) -> SampleScores:
    """Measure whether every rule is kept: 100 or 0 for each answer that has rules."""
    stated = [bool(list_rules(row, outputs.evaluation)) for row in outputs.rows]
    if not any(stated):
        return {}
    kept = [
        100.0 * (not list_broken(row, outputs.who, outputs.evaluation)) if there else None
        for row, there in zip(outputs.rows, stated, strict=True)
    ]
    return {"answer_rules": average(kept)}


def list_rules(row: dict[str, Any], evaluation: Evaluation) -> list[tuple[str, Any]]:
    """List the rules of a prompt as pairs of kind and value: those for all, then its own."""
    found: list[tuple[str, Any]] = []
    for rules in (evaluation.rules.model_dump(), row.get("rules") or {}):
        for kind in ("contain", "exclude"):
            found += [(kind, term) for term in rules.get(kind) or ()]
        for kind in ("pattern", "number"):
            if rules.get(kind) is not None:
                found.append((kind, rules[kind]))
    return found


def list_broken(row: dict[str, Any], who: str, evaluation: Evaluation) -> list[str]:
    """List the rules that an answer breaks, in words."""
    return list(_find_broken(row[f"{who}_answer"], list_rules(row, evaluation), evaluation))


def _find_broken(
    answer: str, rules: list[tuple[str, Any]], evaluation: Evaluation
) -> Iterator[str]:
    for kind, value in rules:
        if kind == "contain" and not holds_term(answer, value):
            yield f"does not contain “{value}”"
        elif kind == "exclude" and holds_term(answer, value):
            yield f"contains “{value}”"
        elif kind == "pattern" and not _matches(value, answer):
            yield f"does not match {value}"
        elif kind == "number" and not _states(answer, value, evaluation):
            yield f"does not state {value:g}"


def _matches(pattern: str, answer: str) -> bool:
    try:
        return regex.search(pattern, answer, timeout=SECONDS) is not None
    except TimeoutError:
        return False


def _states(answer: str, number: float, evaluation: Evaluation) -> bool:
    """Look for a number, in both readings of what has two."""
    # Floats of a decimal fraction differ from it in their last digits.
    reach = evaluation.rules.tolerance + 1e-9 * max(1.0, abs(number))
    return any(
        abs(float(figure.number) - number) <= reach
        for grouped in (False, True)
        for figure in read_figures(answer, evaluation.language, grouped)
    )

"""No worse than the base model by a margin: base and tuned on the suite, by kind and over all."""

import logging
from typing import Any

import numpy as np

from tuneline.parameters import Evaluation, Retention
from tuneline.pipelines.evaluate.retention.verifiers import is_right
from tuneline.reporting.pages import count, format_number
from tuneline.statistics.proportions import find_tango_interval
from tuneline.utils.hashing import hash_value

log = logging.getLogger(__name__)

KEPT, LOST, UNKNOWN, NOT_COUNTED = "kept", "lost", "cannot be told", "not counted"


def score_retention(
    retention_answers: list[dict[str, Any]], evaluation: Evaluation
) -> dict[str, Any]:
    """Compare what base and tuned model have right of the suite, prompt by prompt.

    Kept: the lower end of the interval of the difference is above minus the margin, which is a test
    of non-inferiority at 1 - confidence; the interval is Tango's (1998) for paired proportions, at
    1 - 2 (1 - confidence). Lost: not kept, and its upper end is below 0 at the confidence itself;
    of that error, one half is for all prompts together and the kinds share the other (Bonferroni),
    so that all of them together find a loss where there is none in 1 - confidence of the cases.

    A kind counts if the base model has more of it right than the margin of a kind: a model that
    can do less cannot lose that much.

    Args:
        retention_answers: one row a prompt, with the answers of both.
        evaluation: margins and confidence.

    Returns:
        The `result` and its `summary`; `all` and by name the `kinds`, each with `prompts`, how many
        `base` and `tuned` have right, the `difference` and its `interval` in points, how many only
        the tuned (`won`) or only the base model (`lost`) has right, and its `result`; `forgotten`,
        the rows that only the base model has right; `suite`, the fingerprint of the prompts, and
        the `margins`. Nothing where the suite was not asked.
    """
    settings = evaluation.retention
    if settings is None or not retention_answers:
        return {}
    counted = find_counted(retention_answers, settings)
    right = {
        row["id"]: [is_right(row[f"{who}_answer"], row["check"]) for who in ("base", "tuned")]
        for row in retention_answers
        if row["kind"] in counted
    }
    by_kind: dict[str, list[list[bool]]] = {kind: [] for kind in counted}
    for row in retention_answers:
        if row["id"] in right:
            by_kind[row["kind"]].append(right[row["id"]])
    error = 1 - evaluation.confidence
    kinds = {
        kind: _compare(by_kind[kind], settings.kind_margin, error, len(counted))
        if kind in counted
        else _leave_out([row for row in retention_answers if row["kind"] == kind])
        for kind in dict.fromkeys(row["kind"] for row in retention_answers)
    }
    pooled = [pair for kind in counted for pair in by_kind[kind]]
    whole = _compare(pooled, settings.margin, error) if pooled else None
    result = _conclude(whole, kinds)
    summary = _summarize(result, whole, kinds, settings)
    log.info("Retention: %s", summary)
    return {
        "result": result,
        "summary": summary,
        "all": whole,
        "kinds": kinds,
        "forgotten": [row for row in retention_answers if right.get(row["id"]) == [True, False]],
        "suite": hash_value([[row["prompt"], row["check"]] for row in retention_answers])[:12],
        "margins": {"all": settings.margin, "kind": settings.kind_margin},
    }


def describe_forgotten(retention: dict[str, Any]) -> list[str]:
    """Say in a sentence for the verdict that something was lost; nothing if it was not."""
    if retention.get("result") != LOST:
        return []
    whole, kinds = retention["all"], _pick(retention["kinds"], LOST)
    named = f", most of all in {', '.join(kinds)}" if kinds else ""
    return [
        f"It has forgotten what the base model can do: {whole['tuned']} of "
        f"{count(whole['prompts'], 'general prompt')} right, before {whole['base']}{named}."
    ]


def find_counted(rows: list[dict[str, Any]], settings: Retention) -> list[str]:
    """Find the kinds of which the base model has more right than the margin of a kind."""
    by_kind: dict[str, list[bool]] = {}
    for row in rows:
        by_kind.setdefault(row["kind"], []).append(is_right(row["base_answer"], row["check"]))
    return [
        kind
        for kind, right in by_kind.items()
        if 100 * float(np.mean(right)) > settings.kind_margin
    ]


def _leave_out(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Describe a kind that is not counted; the tuned model was not asked."""
    unknown = dict.fromkeys(("tuned", "difference", "interval", "won", "lost"))
    right = sum(is_right(row["base_answer"], row["check"]) for row in rows)
    return {"prompts": len(rows), "base": right, **unknown, "result": NOT_COUNTED}


def _compare(
    pairs: list[list[bool]], margin: float, error: float, parts: int = 1
) -> dict[str, Any]:
    """Compare some prompts; `parts` share the error of finding a loss."""
    base, tuned = (np.array(one) for one in zip(*pairs, strict=True))
    won, lost = int((tuned & ~base).sum()), int((base & ~tuned).sum())
    size = len(pairs)

    def find_interval(confidence: float) -> list[float]:
        ends = find_tango_interval(won / size, lost / size, size, max(0.0, confidence))
        return [100 * end for end in ends]

    interval = find_interval(1 - 2 * error)
    result = UNKNOWN
    if interval[0] > -margin:
        result = KEPT
    elif find_interval(1 - error / parts)[1] < 0:
        result = LOST
    return {
        "prompts": size,
        "base": int(base.sum()),
        "tuned": int(tuned.sum()),
        "difference": 100 * (won - lost) / size,
        "interval": interval,
        "won": won,
        "lost": lost,
        "result": result,
    }


def _conclude(whole: dict[str, Any] | None, kinds: dict[str, dict[str, Any]]) -> str:
    if whole is None:
        return UNKNOWN
    return LOST if _pick(kinds, LOST) else str(whole["result"])


def _pick(kinds: dict[str, dict[str, Any]], result: str) -> list[str]:
    return [kind for kind, found in kinds.items() if found["result"] == result]


def _summarize(
    result: str,
    whole: dict[str, Any] | None,
    kinds: dict[str, dict[str, Any]],
    settings: Retention,
) -> str:
    """Say it in one to three sentences, with the numbers that decided."""
    if whole is None:
        return (
            "What the base model forgot cannot be told: it has at most "
            f"{settings.kind_margin:g} % of every kind of general prompt right."
        )
    lost, left_out = _pick(kinds, LOST), _pick(kinds, NOT_COUNTED)
    low, high = (format_number(end, 1, True) for end in whole["interval"])
    said = {
        KEPT: f"No worse than the base model by {settings.margin:g} points",
        LOST: "The tuned model has lost what the base model can do",
        UNKNOWN: f"Whether it is worse than the base model by {settings.margin:g} points cannot be "
        "told",
    }[result]
    parts = [
        f"{said}: of {count(whole['prompts'], 'general prompt')} it has {whole['tuned']} right, "
        f"the base model {whole['base']} "
        f"({format_number(whole['difference'], 1, True)} points, {low} to {high})."
    ]
    if lost:
        parts.append(f"Lost: {', '.join(lost)}.")
    if left_out:
        parts.append(
            f"Not counted, because the base model has at most {settings.kind_margin:g} % right: "
            f"{', '.join(left_out)}."
        )
    return " ".join(parts)

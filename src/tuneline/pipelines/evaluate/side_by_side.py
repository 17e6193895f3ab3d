"""Answers next to each other: what differs is marked, what was gained is measured."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import regex
from markupsafe import Markup, escape

from tuneline.examples import MODELS, OLD, PROMPTED
from tuneline.metrics.usable import BESIDES_RULES, find_loop
from tuneline.utils.text import UNSPACED

# Words, single Chinese and like characters, each with the space after it.
PIECE = regex.compile(rf"[{UNSPACED}]\s*|[^\s{UNSPACED}]+\s*|\s+")


def mark_differences(text: str, other: str) -> Markup:
    """Mark what of a text is not in another, whatever the letter case.

    Args:
        text: the text to show.
        other: what it is held against.

    Returns:
        The text, escaped, with `<mark>` around what differs.
    """
    pieces, others = PIECE.findall(text), PIECE.findall(other)
    matcher = SequenceMatcher(None, _fold(others), _fold(pieces), autojunk=False)
    shown = [
        _mark("".join(pieces[start:end]), same=kind == "equal")
        for kind, _, _, start, end in matcher.get_opcodes()
        if end > start
    ]
    return Markup().join(shown)


def _mark(text: str, same: bool) -> Markup:
    return escape(text) if same or text.isspace() else Markup("<mark>{}</mark>").format(text)


def _fold(pieces: list[str]) -> list[str]:
    return [piece.casefold().strip() for piece in pieces]


def _mark_answer(text: str, other: str) -> Markup:
    """Mark what differs, and gray what only repeats what is before it."""
    loop = find_loop(text)
    if loop is None:
        return mark_differences(text, other)
    start, end = loop
    repeated = Markup('<span class="loop" title="repeated">{}</span>').format(text[start:end])
    parts = mark_differences(text[:start], other), mark_differences(text[end:], other)
    return parts[0] + repeated + parts[1]


def measure_gains(answer_scores: list[dict[str, Any]], metric: str) -> list[float | None]:
    """Measure what each answer of the tuned model is better by.

    Args:
        answer_scores: as `measure_answers` gives them.
        metric: one that is better the higher it is.

    Returns:
        The difference of the two answers' scores; None where one of them has none.
    """
    return [_subtract(*(_score(row[who], metric) for who in MODELS)) for row in answer_scores]


def _score(scores: dict[str, Any], metric: str) -> float | None:
    numerator, denominator = scores["metrics"].get(metric, (None, 0))
    return None if numerator is None or not denominator else numerator / denominator


def _subtract(base: float | None, tuned: float | None) -> float | None:
    return None if base is None or tuned is None else tuned - base


def choose_three(gains: Sequence[float | None]) -> dict[str, int]:
    """Choose the answers that a reader sees first.

    Returns:
        The places of the largest gain, the middle one and the largest loss, by these names; fewer
        where there are fewer. Where nothing was lost the last one is the smallest gain.
    """
    order = sorted((gain, place) for place, gain in enumerate(gains) if gain is not None)
    if not order:
        return {}
    (worst, last), (best, first) = order[0], order[-1]
    names = (
        ("Largest gain" if best > 0 else "Smallest loss", first),
        ("In the middle", order[len(order) // 2][1]),
        ("Largest loss" if worst < 0 else "Smallest gain", last),
    )
    chosen: dict[str, int] = {}
    for name, place in names:
        if place not in chosen.values():
            chosen[name] = place
    return chosen


def show_answers(
    answers: list[dict[str, Any]], answer_scores: list[dict[str, Any]], metric: str
) -> list[dict[str, Any]]:
    """Prepare every answer for the page.

    Args:
        answers: one row a prompt.
        answer_scores: what every metric says of them.
        metric: the one that tells a gain from a loss.

    Returns:
        Rows with `place` in the answers, `id`, `source`, `category`, `context`, `prompt`,
        `reference`, `gain`, `result` (win, tie, loss of the tuned answer; none without a
        reference), whether the tuned answer `breaks_rule`, and for `base` and `tuned`
        the `text` with marks, its `flaws`, its `score`, and of the numbers and terms what it
        `missed` and `added`; the same of the adapter that was trained further (`old`), and in
        `prompted` of the base model with a good prompt.
    """
    gains = measure_gains(answer_scores, metric)
    given = enumerate(zip(answers, answer_scores, gains, strict=True))
    return [{"place": place, **_show_answer(*one, metric)} for place, one in given]


def _show_answer(
    row: dict[str, Any], scores: dict[str, Any], gain: float | None, metric: str
) -> dict[str, Any]:
    return {
        "id": row["id"],
        "source": f"line {row['line']} of the raw data" if row["line"] else "evaluation.questions",
        "category": row["category"] or "",
        "context": row["context"],
        "prompt": row["prompt"],
        "reference": row["reference"],
        "gain": gain,
        "result": _decide(gain),
        "breaks_rule": not BESIDES_RULES.issuperset(scores["tuned"]["flaws"]),
        **{who: _show_model(row, who, scores[who], metric) for who in MODELS},
        OLD: _show_model(row, OLD, scores[OLD], metric) if OLD in scores else None,
        "prompted": {
            name: _show_model(row, name, scores[name], metric)
            for name in PROMPTED
            if name in scores
        },
    }


def _show_model(
    row: dict[str, Any], who: str, scores: dict[str, Any], metric: str
) -> dict[str, Any]:
    # Without a reference the answers are compared with each other.
    other = row["base_answer" if who == "tuned" else "tuned_answer"]
    return {
        "text": _mark_answer(
            row[f"{who}_answer"], other if row["reference"] is None else row["reference"]
        ),
        "flaws": scores["flaws"],
        "score": _score(scores, metric),
        "missed": scores["missed"],
        "added": scores["added"],
    }


def _decide(gain: float | None) -> str:
    if gain is None:
        return "none"
    return "tie" if gain == 0 else "win" if gain > 0 else "loss"

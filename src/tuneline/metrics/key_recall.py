"""Whether the figures and terms that matter are in an answer, and no others."""

import re
from collections.abc import Iterable
from typing import Any

from tuneline.metrics.figures import Figure, read_figures
from tuneline.metrics.outputs import KeyComparison, Outputs, average
from tuneline.metrics.overlap import is_chinese, normalize_typography, split_words
from tuneline.statistics.paired_comparison import Metric, SampleScores

METRICS = (
    Metric(
        "key_recall",
        "Number and key-term recall",
        "higher",
        "Of the reference's figures and key terms, and of the figures that an answer adds, the "
        "share that both have.",
        percent=True,
        decides_verdict=True,
    ),
)


def measure(outputs: Outputs) -> SampleScores:
    """Measure which figures of the reference, and which key terms, an answer has.

    Where the reference has none, an answer counts if one of the two models adds a figure: one that
    adds any, or says nothing, has 0.
    """
    other = outputs.keys["base" if outputs.who == "tuned" else "tuned"]
    rows = zip(outputs.answers, outputs.keys[outputs.who], other, strict=True)
    return {"key_recall": average([_measure(*row) for row in rows])}


def compare_figures(
    answer: str, reference: str | None, terms: list[str], prompt: str, language: str | None
) -> KeyComparison:
    """Compare the figures of an answer with those of its reference.

    A figure without a unit is found with any; one with a unit is found in another unit of the same
    kind if it is as much (`2 kg`, `2000 g`), and not where the bound is the opposite one (`≤ 5`,
    `≥ 5`). Where a number has two readings, those count that agree best.

    Without a reference, nothing is added; figures of the prompt may be repeated. The language
    decides what a decimal comma is.
    """
    missed = [term for term in terms if not holds_term(answer, term)]
    asked = "\n".join([prompt, *terms])
    known = [figure for figures in _read_both(asked, language) for figure in figures]
    comparisons = [
        KeyComparison(
            sought=len(wanted) + len(terms),
            missed=[*_find_missing(wanted, there), *missed],
            added=[] if reference is None else _find_added(there, [*wanted, *known]),
        )
        for wanted in _read_both(reference or "", language)
        for there in _read_both(answer, language)
    ]
    return max(comparisons, key=lambda one: one.share)


def compare_row(row: dict[str, Any], who: str, language: str | None) -> KeyComparison:
    """Compare the figures of one model's answer with those of the reference and the prompt."""
    prompt = "\n".join([*(one["content"] for one in row["context"]), row["prompt"]])
    answer = row[f"{who}_answer"]
    return compare_figures(answer, row["reference"], row["key_terms"], prompt, language)


def _measure(answer: str, own: KeyComparison, other: KeyComparison) -> float | None:
    if own.sought:
        return own.share
    if not own.added and not other.added:
        return None
    return 100.0 if split_words(answer) and not own.added else 0.0


def _read_both(text: str, language: str | None) -> list[tuple[Figure, ...]]:
    """Read a text in both ways, if they differ."""
    readings = (read_figures(text, language, grouped) for grouped in (False, True))
    return list(dict.fromkeys(readings))


def _find_missing(wanted: Iterable[Figure], there: Iterable[Figure]) -> list[str]:
    return sorted(str(one) for one in wanted if not any(_is_found(one, other) for other in there))


def _is_found(wanted: Figure, there: Figure) -> bool:
    if wanted.bound * there.bound < 0:
        return False
    return wanted.size == there.size if wanted.unit.base else wanted.number == there.number


def _find_added(there: Iterable[Figure], known: list[Figure]) -> list[str]:
    sizes = {one.size for one in known}
    bare = {one.number for one in known if not one.unit.base}
    numbers = {one.number for one in known}
    return [
        str(one)
        for one in there
        if one.size not in sizes and one.number not in (bare if one.unit.base else numbers)
    ]


def holds_term(answer: str, term: str) -> bool:
    """Look for a term at the beginning of a word, in any letter case; endings may differ."""
    start = "" if is_chinese(term) else r"(?<!\w)"
    return re.search(start + re.escape(_fold(term)), _fold(answer)) is not None


def _fold(text: str) -> str:
    return " ".join(normalize_typography(text).casefold().split())

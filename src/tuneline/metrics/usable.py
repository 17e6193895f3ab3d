"""Whether an answer can be used at all, and what is wrong with one that cannot."""

from collections.abc import Iterator
from typing import Any

import regex

from tuneline.metrics.answer_rules import list_broken
from tuneline.metrics.format import measure_share_in_language
from tuneline.metrics.outputs import Outputs, average
from tuneline.metrics.overlap import measure_share_repeated, split_words
from tuneline.parameters import Evaluation
from tuneline.statistics.paired_comparison import Metric, SampleScores

METRICS = (
    Metric(
        "usable",
        "Usable answers",
        "higher",
        "Share of answers that say something, end by themselves, do not loop, are in the language "
        "and keep the rules.",
        percent=True,
    ),
)
EMPTY, CUT, LOOPS, FOREIGN = "empty", "cut at the length limit", "loops", "in another language"
BESIDES_RULES = frozenset({EMPTY, CUT, LOOPS, FOREIGN})
# A passage that comes three times in a row, with nothing but white space between.
LOOP = regex.compile(r"(?P<unit>\S.{2,199}?)(?:\s*(?P=unit)){2,}", regex.DOTALL | regex.IGNORECASE)
LETTER = regex.compile(r"\p{L}")
# Characters: less is emphasis (`very, very, very`).
SHORTEST_LOOP = 24
# Percent of an answer's 4-grams: more is a loop that changes a word each time.
MOST_REPEATED = 50.0
# Words of an answer that this share says something of.
LEAST_WORDS = 20
# Percent of the letters that must be in the language.
LEAST_IN_LANGUAGE = 50.0


def measure(outputs: Outputs) -> SampleScores:
    """Measure whether every answer is usable: 100 or 0, fixed questions too."""
    return {"usable": average([0.0 if found else 100.0 for found in outputs.flaws])}


def find_flaws(row: dict[str, Any], who: str, evaluation: Evaluation) -> list[str]:
    """Find what makes an answer unusable, in words, the most telling first."""
    return list(_list_flaws(row, who, evaluation))


def _list_flaws(row: dict[str, Any], who: str, evaluation: Evaluation) -> Iterator[str]:
    answer = row[f"{who}_answer"]
    is_empty = not any(map(str.isalnum, answer))
    if is_empty:
        yield EMPTY
    words = [word for word in split_words(answer) if LETTER.search(word)]
    repeated = (measure_share_repeated(words) or 0) if len(words) >= LEAST_WORDS else 0
    if find_loop(answer) is not None or repeated >= MOST_REPEATED:
        yield LOOPS
    if not row[f"{who}_stopped"]:
        yield CUT
    if evaluation.language is not None and not is_empty:
        share = measure_share_in_language(answer, evaluation.language)
        if share is not None and share < LEAST_IN_LANGUAGE:
            yield FOREIGN
    yield from list_broken(row, who, evaluation)


def find_loop(text: str) -> tuple[int, int] | None:
    """Find the first passage that comes three times in a row or more.

    Gives where its first repetition begins and where its last one ends.
    """
    for match in LOOP.finditer(text):
        unit = match["unit"]
        if match.end() - match.start() >= SHORTEST_LOOP and LETTER.search(unit):
            return match.start() + len(unit), match.end()
    return None

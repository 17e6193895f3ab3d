"""Whether the figures and terms that matter stand in an answer."""

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, fraction
from tuneline.pipelines.evaluate.metrics.words import is_chinese

# Symbols of the SI and of everyday trade, longest first where one begins another.
UNITS = (
    "%|‰|°C|°F|°|mAh|kWh|kHz|MHz|GHz|Hz|kPa|Pa|kg|mg|µg|μg|g|km|cm|mm|µm|μm|m|dl|cl|ml|l|kW|mW|W|"
    "kV|V|A|K|N|bar|dB|lm|lux|ppm|ppb|oz|lb|ft|in|min|h|s|px|GB|MB|TB|"
    "€|\\$|£|EUR|USD|Kč|CZK|lei|RON|元|度|公分|公斤|公克|毫米|小時|分鐘|天|年|個月|週"
)
LETTERS = "A-Za-z\u00c0-\u024f"
DIGITS = r"\d+(?:[.,\u00a0\u202f ]\d{3})*(?:[.,]\d+)?"
FIGURE = re.compile(
    rf"(?<![{LETTERS}\d])(?<!\d[.,])(?P<first>{DIGITS})"
    rf"(?:\s*[-\u2013\u2014~至到]\s*(?P<last>{DIGITS}))?"
    rf"(?:\s?(?P<unit>{UNITS})(?![{LETTERS}]))?",
)
THOUSANDS = re.compile(r"(?<=\d)[.,\s](?=\d{3}(?!\d))")

METRICS = (
    Metric(
        "key_figures",
        "Key figures",
        "higher",
        "Share of the reference's numbers, with their units, and of the terms the data marks as "
        "key, that stand in the answer.",
        percent=True,
        counts=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure which figures of the reference, and which key terms, an answer holds.

    Args:
        written: the answers; rows may carry `key_terms`.

    Returns:
        Found over looked for, summed over the answers.
    """
    found = [
        find_missed(answer, reference or "", row["key_terms"])
        for answer, reference, row in zip(
            written.answers, written.references, written.rows, strict=True
        )
    ]
    sought = np.array([count for _, count in found], dtype=float)
    missed = np.array([len(one) for one, _ in found], dtype=float)
    return {"key_figures": fraction(100 * (sought - missed), sought)}


def find_figures(text: str) -> set[tuple[str, str]]:
    """Find numbers and their units; both ends of a range carry its unit.

    Three digits behind a point, a comma or a space are thousands: `1.500` is `1500`, `1.5` is not.

    Args:
        text: any text.

    Returns:
        Pairs of number and unit; the unit is empty where none of the known symbols follows.
    """
    return set(_walk_figures(unicodedata.normalize("NFKC", text)))


def _walk_figures(text: str) -> Iterator[tuple[str, str]]:
    for match in FIGURE.finditer(text):
        for number in (match["first"], match["last"]):
            if number:
                yield THOUSANDS.sub("", number).replace(",", "."), match["unit"] or ""


def find_missed(answer: str, reference: str, terms: list[str]) -> tuple[list[str], int]:
    """Find which figures of the reference, and which key terms, an answer does not hold.

    Args:
        answer: what a model wrote.
        reference: what was hoped for.
        terms: the terms that the data marks as key.

    Returns:
        What is missed, as one would write it, and how many were sought. A figure without a unit is
        found with any.
    """
    sought, there = find_figures(reference), find_figures(answer)
    numbers = {number for number, _ in there}
    figures = [
        " ".join(figure).strip()
        for figure in sorted(sought)
        if not (figure in there if figure[1] else figure[0] in numbers)
    ]
    missed = [*figures, *(term for term in terms if not _holds(answer, term))]
    return missed, len(sought) + len(terms)


def _holds(answer: str, term: str) -> bool:
    """Look for a term at the beginning of a word, so that endings may differ."""
    start = "" if is_chinese(term) else r"(?<!\w)"
    return re.search(start + re.escape(_fold(term)), _fold(answer)) is not None


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

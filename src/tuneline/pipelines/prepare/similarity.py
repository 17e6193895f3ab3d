"""How alike two texts are, and whether two rows are duplicates.

Similarity of two texts is 1 - d / m: d is the number of words to change, add or remove to make one
of the other (Levenshtein), m the number of words of the longer. A copy with one word in ten changed
has a similarity of 0.9, wherever the words are and however long the text is.
"""

import re
from collections import Counter
from collections.abc import Sequence
from operator import add
from typing import Any

import numpy as np
import polars as pl

from tuneline.parameters import Leaks

DIGITS = re.compile(r"\d+")


def measure_pairs(
    left: pl.DataFrame, right: pl.DataFrame, compared: str, leaks: Leaks
) -> pl.Series:
    """Measure how alike rows are, pair by pair.

    It is 0 for those that are no duplicates.
    """
    # Most candidates are of lengths, or have words, with which they cannot be alike.
    if compared == "example":
        columns = ["prompt", "completion", "example"]
        places = _find_likely(left["prompt"], right["prompt"], leaks.threshold)
        compare = _compare_examples
    else:
        columns, least = [compared], leaks.completion_threshold or 1.0
        places = _find_likely(left[compared], right[compared], least)
        compare = _compare_texts
    rows = (table.select(columns)[places].iter_rows() for table in (left, right))
    measured = [compare(mine, other, leaks) for mine, other in zip(*rows, strict=True)]
    return pl.zeros(left.height, dtype=pl.Float64, eager=True).scatter(places, measured)


def _compare_texts(left: tuple[str, ...], right: tuple[str, ...], leaks: Leaks) -> float:
    words = left[0].split(), right[0].split()
    least = leaks.completion_threshold
    if least is None or not _can_be_told(*words, leaks):
        return 0.0
    return measure_similarity(*words, least)


def _compare_examples(left: tuple[str, ...], right: tuple[str, ...], leaks: Leaks) -> float:
    prompts, completions, both = (
        (mine.split(), other.split()) for mine, other in zip(left, right, strict=True)
    )
    alike = (
        measure_similarity(*prompts, leaks.threshold)
        and _can_be_told(*both, leaks)
        and measure_overlap(*completions, leaks.threshold)
    )
    return measure_overlap(*both, leaks.threshold) if alike else 0.0


def _can_be_told(left: list[str], right: list[str], leaks: Leaks) -> bool:
    """Tell whether two texts are long enough, and differ in more than their numbers."""
    if max(len(left), len(right)) < leaks.min_words:
        return False
    if len(left) != len(right):
        return True
    return DIGITS.sub("0", " ".join(left)) != DIGITS.sub("0", " ".join(right))


def _find_likely(left: pl.Series, right: pl.Series, least: float) -> pl.Series:
    """Find the pairs of texts whose similarity may be large enough.

    A word that is changed, added or removed changes at most two of the bits that mark words.
    """
    both = (left, right)
    counts = [texts.str.count_matches(" ").to_numpy().astype(np.int64) + 1 for texts in both]
    most = _count_changes(np.maximum(*counts), least)
    likely = np.flatnonzero(np.abs(counts[0] - counts[1]) <= most)
    bits = [_mark_words(texts[likely]) for texts in both]
    likely = likely[np.bitwise_count(bits[0] ^ bits[1]) <= 2 * most[likely]]
    return pl.Series(likely, dtype=pl.UInt32)


def _mark_words(texts: pl.Series) -> Any:
    """Mark the words of each text in 64 bits."""
    words = texts.str.split(" ")
    bits = np.uint64(1) << (words.explode().hash().to_numpy() & np.uint64(63))
    counts = words.list.len().to_numpy().astype(np.int64)
    return np.bitwise_or.reduceat(bits, np.cumsum(counts) - counts) if len(texts) else bits


def _count_changes(longest: Any, least: float) -> Any:
    """Count the words that may differ: whole ones, so that no rounding loses a duplicate."""
    return ((1 - least) * longest + 1e-9) // 1


def measure_similarity(left: Sequence[str], right: Sequence[str], least: float = 0) -> float:
    """Measure the similarity of two texts in words, from 0 to 1; 0, but faster, below `least`."""
    from rapidfuzz.distance import Levenshtein

    longest = max(len(left), len(right), 1)
    most = _count_changes(longest, least)
    changes = Levenshtein.distance(left, right, score_cutoff=most)
    return 1 - changes / longest if changes <= most else 0.0


def measure_overlap(left: Sequence[str], right: Sequence[str], least: float = 0) -> float:
    """Measure how much of two texts is the same, also if parts were moved or words added.

    The greatest of three shares: the similarity; of pairs of neighboring words, those that both
    have (Dice's coefficient: exchanged halves break three pairs); and of the words of the shorter
    text, those that the longer has in the same order, if it is at most twice as long. Beyond that
    length the search would no longer find all candidates. Below `least` it is 0.
    """
    from rapidfuzz.distance import LCSseq

    if similarity := measure_similarity(left, right, least):
        return similarity
    mine, others = (set(pair_words(" ".join(words))) for words in (left, right))
    shares = [2 * len(mine & others) / (len(mine) + len(others))]
    shorter, longer = sorted((len(left), len(right)))
    if 2 * shorter >= longer:
        shares.append(LCSseq.similarity(left, right) / max(shorter, 1))
    return best if (best := max(shares)) >= least else 0.0


def pair_words(form: str) -> list[str]:
    """Pair each word with its neighbor, the ends with nothing; number pairs that repeat.

    There is one more pair than there are words; all are different, so that a set of them counts
    repetitions.
    """
    before = form.split(" ")
    after = f" {form.replace(' ', chr(10) + ' ')}".split("\n")
    listed = list(map(add, ["", *before], [*after, " "]))
    if len(set(listed)) == len(listed):
        return listed
    pairs = Counter(listed)
    again = (f"{pair} {n}" for pair, times in pairs.items() for n in range(2, times + 1))
    return [*pairs, *again]

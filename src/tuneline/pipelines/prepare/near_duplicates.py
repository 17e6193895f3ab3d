"""Near-duplicates between two sets of texts: MinHash finds candidates, counting words decides.

Likeness of two texts is 1 - d / m: d is the number of words to change, add or remove to make one
of the other (Levenshtein), m the number of words of the longer. A copy with one word in ten changed
has a likeness of 0.9, wherever the words stand and however long the text is.

MinHash compares pairs of neighbouring words. A changed word spoils at most two pairs, so two texts
of a likeness of at least t have a Jaccard index of their pairs of at least (2t - 1) / (3 - 2t).
The bands of the signatures (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3.4)
are chosen so that at this index one pair in a million is missed.
"""

import math
from collections.abc import Iterator, Sequence

import polars as pl

MISSED = 1e-6
MOST_HASHES = 512
ROWS_AT_ONCE = 10_000
SEED = 3407


def find_alike(
    left: pl.Series, right: pl.Series, threshold: float
) -> Iterator[tuple[int, int, float]]:
    """Find pairs of texts that are nearly the same.

    Args:
        left: normal forms; walked a part at a time, so it may be large.
        right: normal forms; held in an index.
        threshold: least likeness of a pair.

    Yields:
        Place in `left`, place in `right`, and the likeness of the two, from `threshold` to 1.
    """
    from rensa import RMinHash, RMinHashLSH

    rows, bands = choose_bands(threshold)
    hashes = rows * bands
    words = [form.split() for form in right]
    index = RMinHashLSH(threshold=threshold, num_perm=hashes, num_bands=bands)
    index.insert_many(RMinHash.from_token_sets(map(pair_words, words), hashes, SEED))
    for start in range(0, len(left), ROWS_AT_ONCE):
        part = [form.split() for form in left[start : start + ROWS_AT_ONCE]]
        sketches = RMinHash.from_token_sets(map(pair_words, part), hashes, SEED)
        for place, candidates in enumerate(index.query_all(sketches)):
            for other in candidates:
                likeness = measure_likeness(part[place], words[other], threshold)
                if likeness >= threshold:
                    yield start + place, other, likeness


def measure_likeness(left: Sequence[str], right: Sequence[str], least: float = 0) -> float:
    """Measure the likeness of two texts in words, from 0 to 1; 0 for less than `least`."""
    from rapidfuzz.distance import Levenshtein

    return Levenshtein.normalized_similarity(left, right, score_cutoff=least)


def choose_bands(threshold: float) -> tuple[int, int]:
    """Choose how a signature is cut into bands, two of which must agree for a candidate.

    Args:
        threshold: least likeness of what is to be found, above 0.5.

    Returns:
        Hashes in a band, as many as possible so that few other pairs are candidates; and bands.
    """
    least_index = (2 * threshold - 1) / (3 - 2 * threshold)
    fitting = [
        (rows, bands)
        for rows in range(1, 17)
        if rows * (bands := _count_bands(least_index**rows)) <= MOST_HASHES
    ]
    return max(fitting)


def _count_bands(agreement: float) -> int:
    """Count the bands of which at least one agrees, all but one time in a million."""
    return 1 if agreement >= 1 else math.ceil(math.log(MISSED) / math.log1p(-agreement))


def pair_words(words: Sequence[str]) -> list[str]:
    """Pair each word with its neighbour, the ends with nothing; number pairs that repeat.

    Args:
        words: the words of a text.

    Returns:
        One more pair than there are words, all different, so that a set of them counts repetitions.
    """
    seen: dict[str, int] = {}
    pairs = []
    for first, second in zip(["", *words], [*words, ""], strict=True):
        pair = f"{first} {second}"
        seen[pair] = number = seen.get(pair, 0) + 1
        pairs.append(f"{pair} {number}")
    return pairs

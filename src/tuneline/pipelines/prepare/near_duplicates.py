"""Near-duplicates among rows: MinHash finds candidates, counting words decides.

MinHash compares pairs of neighboring words. A changed word spoils at most two pairs, so two texts
of a similarity (`measure_similarity`) of at least t have a Jaccard index of their pairs of at least
(2t - 1) / (3 - 2t). The bands of the signatures (Leskovec, Rajaraman, Ullman, Mining of Massive
Datasets, chapter 3.4) are chosen so that at this index one pair in a million is missed. A band is
one number, so that its candidates are neighbors once the numbers are sorted: here, or by a worker
of Spark.
"""

import math
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import polars as pl

from tuneline.parameters import Leaks
from tuneline.pipelines.prepare.forms import count_words
from tuneline.pipelines.prepare.similarity import measure_pairs
from tuneline.utils.progress import track

Numbers = np.ndarray[Any, np.dtype[Any]]
MISSED = 1e-6
MOST_HASHES = 512
# Of pairs of texts with this Jaccard index, at most that share may be candidates.
UNLIKE, MOST_UNLIKE = 0.05, 0.025
# Texts of one set are compared with as many that share a band and come first.
MOST_CANDIDATES = 10
# Makes one number of several (Fibonacci hashing).
MIXER = np.uint64(0x9E3779B97F4A7C15)
SEED, ROWS_AT_ONCE = 3407, 5000
# They come as Python's numbers, which is fast as long as all of these are in the cache.
DIGESTS_AT_ONCE = 100
PAIRS_AT_ONCE = 1 << 22
NEAR = {"compared": pl.String, "earlier": pl.Int64, "later": pl.Int64, "similarity": pl.Float64}


def find_near(forms: pl.DataFrame, leaks: Leaks) -> pl.DataFrame:
    """Find the rows that are nearly the same as another one.

    Returns:
        `compared` (example, completion, prompt), rows as `earlier` and `later`, and their
        `similarity`. Two training rows are compared as examples only: see `pair_band`.
    """
    found = [pl.DataFrame(schema=NEAR)]
    for compared, threshold in list_comparisons("question" in forms["split"], leaks):
        texts = choose_long(forms, compared, threshold, leaks)
        held, learned = choose_roles(texts, compared)
        bands = sign_texts(texts[compared], threshold)
        earlier, later = pair_candidates(bands, held, learned)
        del bands
        found += confirm_pairs(texts, earlier, later, compared, leaks)
    return pl.concat(found)


def list_comparisons(asked: bool, leaks: Leaks) -> Iterator[tuple[str, float]]:
    """List what is compared of two rows, and the least similarity of duplicates."""
    yield "example", leaks.threshold
    if leaks.completion_threshold is not None:
        yield "completion", leaks.completion_threshold
        if asked:
            yield "prompt", leaks.completion_threshold


def choose_long(forms: pl.DataFrame, compared: str, threshold: float, leaks: Leaks) -> pl.DataFrame:
    """Leave out what is too short to be a duplicate."""
    # A text with a word less may still be the duplicate of one that is long enough.
    return forms.filter(count_words(compared) >= threshold * leaks.min_words)


def choose_roles(forms: pl.DataFrame, compared: str) -> tuple[Numbers, Numbers]:
    """Choose which rows are compared with all others, and which with earlier training rows."""
    trained, asked = forms["split"] == "train", forms["split"] == "question"
    if compared == "prompt":
        return asked.to_numpy(), np.zeros(forms.height, dtype=bool)
    if compared == "completion":
        return (~trained).to_numpy(), np.zeros(forms.height, dtype=bool)
    first = forms.select(pl.struct("prompt", "completion", "split").is_first_distinct())
    return (~trained & ~asked).to_numpy(), (trained & first.to_series()).to_numpy()


def confirm_pairs(
    forms: pl.DataFrame, earlier: Numbers, later: Numbers, compared: str, leaks: Leaks
) -> Iterator[pl.DataFrame]:
    """Keep of pairs of places in `forms` those that are duplicates."""
    starts = range(0, len(earlier), PAIRS_AT_ONCE >> 6)
    for start in track(starts, "Comparing near-duplicates", "parts"):
        ends = slice(start, start + (PAIRS_AT_ONCE >> 6))
        left, right = forms[earlier[ends]], forms[later[ends]]
        pairs = pl.DataFrame(
            {
                "compared": pl.repeat(compared, left.height, dtype=pl.String, eager=True),
                "earlier": left["row"],
                "later": right["row"],
                "similarity": measure_pairs(left, right, compared, leaks),
            }
        )
        yield pairs.filter(pl.col("similarity") > 0)


def sign_texts(texts: pl.Series, threshold: float) -> Numbers:
    """Make the bands of texts' signatures.

    Returns:
        A row for each text and a column for each band. Texts with the same number in a column are
        candidates.
    """
    from rensa import RMinHash

    rows, bands = choose_bands(threshold)
    signed = np.empty((len(texts), bands), np.uint32)
    parts = range(0, len(texts), ROWS_AT_ONCE)
    for part in track(parts, "Looking for near-duplicates", "parts"):
        hashes, ends = hash_pairs(texts.slice(part, ROWS_AT_ONCE))
        for start in range(0, len(ends) - 1, DIGESTS_AT_ONCE):
            places = ends[start : start + DIGESTS_AT_ONCE + 1]
            some = hashes[places[0] : places[-1]], places - places[0]
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(*some, rows * bands, SEED)
            digests = np.array(matrix.to_rows(), np.uint32).reshape(-1, bands, rows)
            mixed = np.zeros(digests.shape[:2], np.uint64)
            for place in range(rows):
                mixed = mixed * MIXER + digests[:, :, place]
            begin = part + start
            signed[begin : begin + len(mixed)] = mixed >> np.uint64(32)
    return signed


def hash_pairs(texts: pl.Series) -> tuple[Numbers, Numbers]:
    """Hash each word with its neighbor, as `pair_words` pairs them.

    Gives the hashes of all texts, one text after the other, and where each begins and the last
    ends.
    """
    words = texts.str.split(" ")
    counts = words.list.len().to_numpy().astype(np.int64)
    owner = np.repeat(np.arange(len(counts)), counts + 1)
    ends = np.cumsum(counts + 1)
    # Zero after each text's words is the neighbor of its last, and of the next text's first.
    hashes = np.zeros(len(owner), np.uint64)
    is_word = np.ones(len(owner), dtype=bool)
    is_word[ends - 1] = False
    hashes[is_word] = words.explode().hash().to_numpy()
    pairs = np.roll(hashes, 1) * MIXER + hashes
    mixed = pairs ^ (owner.astype(np.uint64) * MIXER)
    order = np.argsort(mixed)
    begins = _find_begins(mixed[order])
    places = np.arange(len(order))
    times = places - np.maximum.accumulate(np.where(begins, places, 0))
    pairs[order] += times.astype(np.uint64) * MIXER
    return pairs, np.concatenate([[0], ends]).astype(np.uint64)


def _sort_once(numbers: Numbers) -> Numbers:
    numbers.sort()
    return numbers[_find_begins(numbers)]


def _find_begins(ordered: Numbers) -> Numbers:
    begins = np.ones(len(ordered), dtype=bool)
    begins[1:] = ordered[1:] != ordered[:-1]
    return begins


def pair_candidates(bands: Numbers, held: Numbers, learned: Numbers) -> tuple[Numbers, Numbers]:
    """Pair the texts that share a band: see `pair_band`.

    Gives the places of the earlier and of the later text of each pair, each pair once, in order.
    """
    codes: list[Numbers] = []
    gathered, most = 0, 4 * PAIRS_AT_ONCE
    for band in bands.T:
        for earlier, later in pair_band(band, held, learned):
            codes.append(later * len(bands) + earlier)
            gathered += len(earlier)
        if gathered > most:
            codes = [_sort_once(np.concatenate(codes))]
            gathered, most = len(codes[0]), max(most, 2 * len(codes[0]))
    every = _sort_once(np.concatenate([np.empty(0, np.int64), *codes]))
    later, earlier = np.divmod(every, max(len(bands), 1))
    return earlier, later


def pair_band(band: Numbers, held: Numbers, learned: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Pair the texts that are equal in one band.

    Texts that all share a template would be compared each with every other. So those that are
    learned are compared with the first few of them alone; a copy of a later one is missed only if
    that holds for every band that the two share. `held` texts are compared with all others,
    `learned` ones with earlier ones of their kind.
    """
    # Sorted together with their places, numbers take a fraction of the time.
    ordered = np.sort((band.astype(np.uint64) << np.uint64(32)) | np.arange(len(band), dtype="u8"))
    order = (ordered & np.uint64(0xFFFFFFFF)).astype(np.int64)
    starts = np.flatnonzero(_find_begins(ordered >> np.uint64(32)))
    sizes = np.diff(np.append(starts, len(band)))
    shared = np.repeat(sizes > 1, sizes)
    order, sizes = order[shared], sizes[sizes > 1]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    yield from _pair_first(order[learned[order]], owner[learned[order]])
    yield from _pair_all(order, owner, sizes, held)


def _pair_first(order: Numbers, owner: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    places = np.arange(len(order))
    start = np.maximum.accumulate(np.where(_find_begins(owner), places, 0)) if len(order) else order
    for step in range(MOST_CANDIDATES):
        later = np.flatnonzero(places > start + step)
        if not len(later):
            return
        yield order[start[later] + step], order[later]


def _pair_all(
    order: Numbers, owner: Numbers, sizes: Numbers, held: Numbers
) -> Iterator[tuple[Numbers, Numbers]]:
    chosen = np.flatnonzero(held[order])
    counts = sizes[owner[chosen]]
    begins = (np.cumsum(sizes) - sizes)[owner[chosen]]
    parts = np.cumsum(counts) // PAIRS_AT_ONCE
    for part in range(parts[-1] + 1 if len(parts) else 0):
        mine = parts == part
        size, at = counts[mine], np.repeat(chosen[mine], counts[mine])
        step = np.arange(len(at)) - np.repeat(np.cumsum(size) - size, size)
        other = np.repeat(begins[mine], size) + step
        # Of two that are held, the later one makes the pair.
        kept = (other < at) | ((other > at) & ~held[order[other]])
        ends = order[at[kept]], order[other[kept]]
        yield np.minimum(*ends), np.maximum(*ends)


def choose_bands(threshold: float) -> tuple[int, int]:
    """Choose how a signature is cut into bands, of which one must agree for a candidate.

    Hashes in a band are as few as keep texts apart that are hardly alike, or as many as a signature
    can have. The threshold is above 0.5.
    """
    least_index = (2 * threshold - 1) / (3 - 2 * threshold)
    for rows in count(2):
        bands = _count_bands(least_index**rows)
        too_many = (rows + 1) * _count_bands(least_index ** (rows + 1)) > MOST_HASHES
        if too_many or bands * UNLIKE**rows <= MOST_UNLIKE:
            return rows, bands
    raise AssertionError("some number of rows is too many")


def _count_bands(agreement: float) -> int:
    """Count the bands of which at least one agrees, all but one time in a million."""
    return 1 if agreement >= 1 else math.ceil(math.log(MISSED) / math.log1p(-agreement))

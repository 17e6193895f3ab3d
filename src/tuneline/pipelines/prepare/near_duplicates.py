"""Near-duplicates between two sets of texts: MinHash finds candidates, counting words decides.

Similarity of two texts is 1 - d / m: d is the number of words to change, add or remove to make one
of the other (Levenshtein), m the number of words of the longer. A copy with one word in ten changed
has a similarity of 0.9, wherever the words are and however long the text is.

MinHash compares pairs of neighboring words. A changed word spoils at most two pairs, so two texts
of a similarity of at least t have a Jaccard index of their pairs of at least (2t - 1) / (3 - 2t).
The bands of the signatures (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, chapter 3.4)
are chosen so that at this index one pair in a million is missed.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import add
from string import Formatter
from typing import Any

import numpy as np
import polars as pl

from tuneline.examples import SPLIT_GROUP
from tuneline.parameters import Prompt
from tuneline.utils.progress import track
from tuneline.utils.words import normalize_words

Measure = Callable[[Sequence[str], Sequence[str], float], float]
MISSED = 1e-6
MOST_HASHES = 512
MOST_CANDIDATES = 30
# Makes one number of the hashes in a band (Fibonacci hashing).
MIXER = np.uint64(0x9E3779B97F4A7C15)
SEED = 3407
ROWS_AT_ONCE = 10_000


class NearDuplicates:
    """Texts with their signatures, among which near-duplicates can be looked for again and again.

    Args:
        forms: normal forms by their keys.
        threshold: least similarity of two texts.
        measure: how alike two texts are, for candidates; below the threshold 0.
    """

    def __init__(
        self, forms: dict[int, str], threshold: float, measure: Measure | None = None
    ) -> None:
        from rensa import RMinHash

        self._measure = measure or measure_similarity
        self._forms = forms
        self._threshold = threshold
        self._rows, self._bands = choose_bands(threshold)
        sketches = RMinHash.from_token_sets(
            map(pair_words, track(forms.values(), "Looking for near-duplicates", "texts")),
            self._rows * self._bands,
            SEED,
        )
        self._sketches = dict(zip(forms, sketches, strict=True))

    def find(self, left: Iterable[int], right: Iterable[int]) -> Iterator[tuple[int, int, float]]:
        """Find pairs of texts that are nearly the same, one from each of two sets.

        Args:
            left: keys of the one set; those without a text are left out.
            right: keys of the other.

        Yields:
            Key in `left`, key in `right`, and the similarity of the two, from the threshold to 1.
        """
        mine, others = ([key for key in keys if key in self._forms] for keys in (left, right))
        if len(mine) < len(others):  # the index is held in memory, so it is made of the fewer
            yield from ((a, b, similarity) for b, a, similarity in self._search(others, mine))
        else:
            yield from self._search(mine, others)

    def find_earlier(
        self, keys: Iterable[int], are_duplicates: Callable[[int, int], bool]
    ) -> Iterator[tuple[int, int, float]]:
        """Find texts that are nearly the same as an earlier one of the same set.

        A text is compared with its first candidates only, and with none that is such a copy: texts
        that all share a template would else be compared each with every other.

        Args:
            keys: in their order; those without a text are left out.
            are_duplicates: refuses most candidates sooner than measuring their similarity does.

        Yields:
            Key, key of the earlier text, and the similarity of the two.
        """
        index = self._index([])
        for key in self._leave_out_single([key for key in keys if key in self._forms]):
            candidates = sorted(index.query(self._sketches[key]))
            for other in candidates[:MOST_CANDIDATES]:
                if not are_duplicates(key, other):
                    continue
                words = self._forms[key].split(), self._forms[other].split()
                if similarity := self._measure(*words, self._threshold):
                    yield key, other, similarity
                    break
            else:
                if len(candidates) < MOST_CANDIDATES:
                    index.insert(key, self._sketches[key])

    def _leave_out_single(self, keys: list[int]) -> list[int]:
        """Leave out the texts that share no band with another: most need no place in an index."""
        chunks = [keys[start : start + ROWS_AT_ONCE] for start in range(0, len(keys), ROWS_AT_ONCE)]
        digests = [
            np.array([self._sketches[key].digest() for key in chunk], np.uint32)
            for chunk in track(chunks, "Looking for copies", "parts")
        ]
        if not digests:
            return []
        matrix, shared = np.concatenate(digests), np.zeros(len(keys), dtype=bool)
        for band in range(self._bands):
            mixed = np.zeros(len(keys), np.uint64)
            for column in range(band * self._rows, (band + 1) * self._rows):
                mixed = mixed * MIXER + matrix[:, column]
            _, places, counts = np.unique(mixed, return_inverse=True, return_counts=True)
            shared |= counts[places] > 1
        return [keys[place] for place in np.flatnonzero(shared)]

    def _search(self, many: list[int], few: list[int]) -> Iterator[tuple[int, int, float]]:
        if not few:
            return
        index = self._index(few)
        words = {key: self._forms[key].split() for key in few}
        found = index.query_all([self._sketches[key] for key in many])
        pairs = zip(many, found, strict=True)
        for key, candidates in track(pairs, "Comparing near-duplicates", "texts", len(many)):
            text = self._forms[key].split() if candidates else []
            for other in candidates:
                if similarity := self._measure(text, words[other], self._threshold):
                    yield key, other, similarity

    def _index(self, keys: list[int]) -> Any:
        from rensa import RMinHashLSH

        index = RMinHashLSH(
            threshold=self._threshold, num_perm=self._rows * self._bands, num_bands=self._bands
        )
        index.insert_pairs([(key, self._sketches[key]) for key in keys])
        return index


def measure_similarity(left: Sequence[str], right: Sequence[str], least: float = 0) -> float:
    """Measure the similarity of two texts in words, from 0 to 1.

    Args:
        left: the words of a text.
        right: the words of another.
        least: what is of interest; anything below is 0, which is faster.

    Returns:
        The similarity.
    """
    from rapidfuzz.distance import Levenshtein

    longest = max(len(left), len(right), 1)
    # In whole words, so that no rounding loses a duplicate.
    most = int((1 - least) * longest + 1e-9)
    changes = Levenshtein.distance(left, right, score_cutoff=most)
    return 1 - changes / longest if changes <= most else 0.0


def measure_overlap(left: Sequence[str], right: Sequence[str], least: float = 0) -> float:
    """Measure how much of two texts is the same, also if parts were moved or words added.

    The greatest of three shares: the similarity; of pairs of neighboring words, those that both
    have (Dice's coefficient: exchanged halves break three pairs); and of the words of the
    shorter text, those that the longer has in the same order, if it is at most twice as long.
    Beyond that length the search would no longer find all candidates.

    Args:
        left: the words of a text.
        right: the words of another.
        least: what is of interest; anything below is 0.

    Returns:
        The share, from 0 to 1.
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


def choose_bands(threshold: float) -> tuple[int, int]:
    """Choose how a signature is cut into bands, two of which must agree for a candidate.

    Args:
        threshold: least similarity of what is to be found, above 0.5.

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


def pair_words(form: str) -> list[str]:
    """Pair each word with its neighbor, the ends with nothing; number pairs that repeat.

    Args:
        form: words with single spaces between.

    Returns:
        One more pair than there are words, all different, so that a set of them counts repetitions.
    """
    before = form.split(" ")
    after = f" {form.replace(' ', chr(10) + ' ')}".split("\n")
    listed = list(map(add, ["", *before], [*after, " "]))
    if len(set(listed)) == len(listed):
        return listed
    pairs = Counter(listed)
    again = (f"{pair} {n}" for pair, times in pairs.items() for n in range(2, times + 1))
    return [*pairs, *again]


def make_forms(rows: pl.DataFrame, questions: list[str], prompt: Prompt) -> pl.DataFrame:
    """Bring rows and fixed questions into the form in which they are compared.

    The words of a template are in every example; left in, they would make all of them alike. So
    only the words of the columns that fill it are compared.

    Args:
        rows: as `split_rows` gives them.
        questions: each fills the prompt, or is a filled prompt; its split is `question`.
        prompt: the templates.

    Returns:
        `row` (its place among all of them), `split`, `group`, and the normal forms `prompt`,
        `completion`, and of both together `example`; of a question the prompt only.
    """
    nothing = pl.repeat(None, len(questions), dtype=pl.String, eager=True)
    forms = pl.DataFrame(
        {
            "split": pl.concat([rows["split"], nothing.fill_null("question")]),
            "group": pl.concat([rows[SPLIT_GROUP], nothing]),
            "prompt": _read_forms(rows, prompt.prompt, questions),
            "completion": pl.concat([_read_forms(rows, prompt.completion, []), nothing]),
        }
    )
    both = pl.concat_str("prompt", "completion", separator=" ").str.strip_chars()
    return forms.with_columns(example=both).with_row_index("row").cast({"row": pl.Int64})


def _read_forms(rows: pl.DataFrame, template: str, questions: list[str]) -> pl.Series:
    columns = _drop_words(template)
    asked = normalize_words([strip_template(question, template) for question in questions])
    forms = pl.concat([*map(normalize_words, _fill(rows, columns)), asked])
    if "\n" not in columns:
        return forms
    # Columns that differ may fill a template to the same text, if they hold words of the template.
    filled = pl.concat([*_fill(rows, template), pl.Series(questions, dtype=pl.String)])
    texts = pl.DataFrame({"form": forms, "filled": filled})
    return texts.select(pl.first("form").over("filled")).to_series()


def _fill(rows: pl.DataFrame, template: str) -> Iterator[pl.Series]:
    for some in rows.iter_slices(ROWS_AT_ONCE):
        texts = [template.format_map(row) for row in some.iter_rows(named=True)]
        yield pl.Series(texts, dtype=pl.String)


def _drop_words(template: str) -> str:
    """Leave of a template what it takes from a row, with a line break for the words between."""
    kept = []
    for words, name, spec, conversion in Formatter().parse(template):
        kept.append("\n" if words else "")
        if name is not None:
            kept.append(f"{{{name}{'!' if conversion else ''}{conversion or ''}:{spec}}}")
    return "".join(kept).strip("\n")


def strip_template(question: str, template: str) -> str:
    """Leave of a filled prompt what fills it; a question of another form is left as it is."""
    parts = Formatter().parse(template)
    pattern = "".join(re.escape(words) + "(.*?)" * (name is not None) for words, name, *_ in parts)
    match = re.fullmatch(pattern, question, re.DOTALL)
    return "\n".join(match.groups()) if match else question

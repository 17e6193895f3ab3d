"""How like its reference an answer is."""

import unicodedata
from itertools import islice

import numpy as np
import regex

from tuneline.metrics.outputs import Outputs, average
from tuneline.statistics.paired_comparison import Metric, SampleScores
from tuneline.utils.text import UNSPACED

CHINESE = regex.compile(r"\p{Han}")

# What NFKC would take for digits of the number before it: `10³` is not 103, `5½` is not 51/2.
POWER = regex.compile(r"[⁺⁻⁰¹²³⁴-⁹]+")
VULGAR_FRACTION = regex.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
INVISIBLE = regex.compile(r"[\u00ad\u200b\u2060\ufeff\ufe00-\ufe0f]")
SPELLED = {">=": "≥", "<=": "≤", "!=": "≠", "+/-": "±", "+-": "±"}
SPELLED_SIGN = regex.compile("|".join(map(regex.escape, SPELLED)))
# A hyphen or dash that begins a number. Between two numbers, or after a word, it joins them.
MINUS = regex.compile(
    r"(?<![\p{L}\p{N}\p{M})\]%°.]|\d\s)[-\u2013\u2212\ufe63\uff0d](?=\p{Sc}?\.?\d)"
)
TRUE_MINUS = regex.compile(r"(?<=\s)\u2212(?=\p{Sc}?\.?\d)")

LETTERS = rf"[^\W{UNSPACED}]+"
SCORED_WORD = regex.compile(
    rf"[{UNSPACED}]"
    rf"|(?:(?<!\w)\u2212)?(?=\d){LETTERS}(?:[.,:/\u2044](?=\d){LETTERS})*"
    rf"|{LETTERS}"
    # Signs and symbols say something; the punctuation of a sentence does not. A hash sign at the
    # beginning of a line is a heading, a backtick marks code.
    r"|[\p{S}--`]|[%‰&@§\u2032\u2033]|(?<=\w)#+|#(?=\w)",
    regex.VERSION1,
)
SIMILARITY = (
    Metric(
        "chrf",
        "chrF",
        "higher",
        "Short sequences of letters (n-grams) that answer and reference share (sacrebleu).",
        percent=True,
        decides_verdict=True,
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "higher",
        "How long a sequence of words the answer shares with the reference (rouge-score).",
        percent=True,
        decides_verdict=True,
    ),
    Metric(
        "bleu",
        "BLEU",
        "higher",
        "Sequences of one to four words (n-grams) that answer and reference share (sacrebleu).",
        percent=True,
    ),
    Metric(
        "token_f1",
        "Word F1",
        "higher",
        "How many words the answer shares with the reference, in any order.",
        percent=True,
    ),
    Metric(
        "exact_match",
        "Exact match",
        "higher",
        "Share of answers that are the reference, but for letter case and the punctuation of "
        "sentences; signs and symbols count.",
        percent=True,
    ),
)
RUN = 8  # words
COPYING = (
    Metric(
        "copied",
        "Training n-gram overlap",
        "neither",
        f"Share of an answer's sequences of {RUN} words that are in a training completion.",
        percent=True,
    ),
    Metric(
        "copied_whole",
        "Copied whole",
        "neither",
        "Share of answers that are a training completion, but for letter case and the punctuation "
        "of sentences.",
        percent=True,
    ),
)
REPEATED_RUN = 4  # words
REPETITION = (
    Metric(
        "repetition",
        "Repetition",
        "lower",
        f"Share of an answer's sequences of {REPEATED_RUN} words that were in it before.",
        percent=True,
    ),
)


def normalize_typography(text: str) -> str:
    """Reduce typographic variants of a text to one: NFKC, with the signs of numbers kept.

    A minus that belongs to a number becomes U+2212, whichever dash was typed; `²` becomes `^2`,
    `5½` becomes `5 1/2` (with U+2044), `>=` becomes `≥`; invisible characters go.
    """
    text = POWER.sub(r"^\g<0>", VULGAR_FRACTION.sub(" ", INVISIBLE.sub("", text)))
    text = SPELLED_SIGN.sub(lambda match: SPELLED[match[0]], unicodedata.normalize("NFKC", text))
    return str(TRUE_MINUS.sub("\u2212", MINUS.sub("\u2212", text)))


def split_words(text: str) -> list[str]:
    """Cut a text into words in small letters; Chinese and the like into characters.

    Numbers keep their minus and their decimals; symbols (`≥`, `%`, `€`, `+`, the `#` of `C#`,
    emoji) are words of their own. A text without any word gives its characters.
    """
    folded = normalize_typography(text).casefold()
    return SCORED_WORD.findall(folded) or [one for one in folded if not one.isspace()]


def is_chinese(text: str) -> bool:
    """Tell whether a text holds Han characters."""
    return CHINESE.search(text) is not None


class _Words:
    """Tokenizer for rouge-score, whose own drops every letter that is not ASCII."""

    def tokenize(self, text: str) -> list[str]:
        return split_words(text)


def measure_similarity(outputs: Outputs) -> SampleScores:
    """Measure every answer that has a reference.

    BLEU is the mean over the answers, with effective order, as sacrebleu's `sentence_bleu`; word F1
    is that of Rajpurkar et al. 2016, which is ROUGE-1's F-measure (Lin 2004). The scale is from 0
    to 100.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], tokenizer=_Words())
    rows = [
        None if reference is None else _compare(answer, reference, scorer)
        for answer, reference in zip(outputs.answers, outputs.references, strict=True)
    ]
    return {
        metric.name: average([row[metric.name] if row else None for row in rows])
        for metric in SIMILARITY
    }


def score_chrf(answer: str, reference: str) -> float:
    """Score one answer by chrF (Popović 2015), as sacrebleu computes it: 0 to 100."""
    from sacrebleu import sentence_chrf

    return float(sentence_chrf(answer, [reference]).score)


def _compare(answer: str, reference: str, scorer: object) -> dict[str, float]:
    from sacrebleu import sentence_bleu

    rouge = scorer.score(reference, answer)  # type: ignore[attr-defined]
    cut = "zh" if is_chinese(reference) else "13a"
    return {
        "chrf": score_chrf(answer, reference),
        "rouge_l": 100 * rouge["rougeL"].fmeasure,
        "bleu": sentence_bleu(answer, [reference], tokenize=cut).score,
        "token_f1": 100 * rouge["rouge1"].fmeasure,
        "exact_match": 100.0 * (split_words(answer) == split_words(reference)),
    }


def measure_copying(outputs: Outputs) -> SampleScores:
    """Measure copying as McCoy et al. 2023 (RAVEN) do: by n-grams that are not new.

    `copied` is of answers of at least eight words.
    """
    vocabulary: dict[str, int] = {}
    trained = [_number(text, vocabulary) for text in outputs.training]
    known = np.unique(np.concatenate([_hash_runs(text) for text in trained] or [_hash_runs([])]))
    whole = {tuple(text) for text in trained}
    answers = [_number(text, vocabulary) for text in outputs.answers]
    return {
        "copied": average([_share(_hash_runs(text), known) for text in answers]),
        "copied_whole": average(
            [100.0 * (bool(text) and tuple(text) in whole) for text in answers]
        ),
    }


def _number(text: str, vocabulary: dict[str, int]) -> list[int]:
    return [vocabulary.setdefault(word, len(vocabulary) + 1) for word in split_words(text)]


def _hash_runs(numbers: list[int]) -> np.ndarray:
    """Hash every run of words to 64 bits (polynomial, modulo 2^64): shape (runs,)."""
    if len(numbers) < RUN:
        return np.empty(0, dtype=np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(np.array(numbers, dtype=np.uint64), RUN)
    powers = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(RUN)], np.uint64)
    return np.asarray(windows @ powers)


def _share(runs: np.ndarray, known: np.ndarray) -> float | None:
    return 100 * float(np.isin(runs, known).mean()) if len(runs) else None


def measure_repetition(outputs: Outputs) -> SampleScores:
    """Measure rep-4 of Welleck et al. 2020: the share of 4-grams that an answer repeats."""
    return {
        "repetition": average(
            [measure_share_repeated(split_words(text)) for text in outputs.answers]
        )
    }


def measure_share_repeated(words: list[str]) -> float | None:
    """Measure rep-4 of one text, in percent; None for a text of fewer words."""
    runs = list(zip(*(islice(words, start, None) for start in range(REPEATED_RUN)), strict=False))
    return 100 * (1 - len(set(runs)) / len(runs)) if runs else None

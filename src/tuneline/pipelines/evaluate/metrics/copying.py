"""How much of an answer stands word for word in the training data."""

import numpy as np

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average
from tuneline.pipelines.evaluate.metrics.words import split_words

RUN = 8  # words

METRICS = (
    Metric(
        "copied",
        "Copied runs",
        "neither",
        f"Share of an answer's runs of {RUN} words that stand in a training completion.",
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


def measure(written: Written) -> Fractions:
    """Measure copying as McCoy et al. 2023 (RAVEN) do: by n-grams that are not new.

    Args:
        written: the answers, and the completions of the training.

    Returns:
        Means over the answers; `copied` over those of at least eight words.
    """
    vocabulary: dict[str, int] = {}
    trained = [_number(text, vocabulary) for text in written.training]
    known = np.unique(np.concatenate([_hash_runs(text) for text in trained] or [_hash_runs([])]))
    whole = {tuple(text) for text in trained}
    answers = [_number(text, vocabulary) for text in written.answers]
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

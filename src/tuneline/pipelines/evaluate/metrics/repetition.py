"""How much an answer repeats itself."""

from itertools import islice

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average
from tuneline.pipelines.evaluate.metrics.words import split_words

RUN = 4  # words

METRICS = (
    Metric(
        "repetition",
        "Repetition",
        "lower",
        f"Share of an answer's runs of {RUN} words that stood in it before.",
        percent=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure rep-4 of Welleck et al. 2020: the share of 4-grams that stood before.

    Args:
        written: the answers.

    Returns:
        Means over the answers that have at least four words.
    """
    return {"repetition": average([_repeat(split_words(text)) for text in written.answers])}


def _repeat(words: list[str]) -> float | None:
    runs = list(zip(*(islice(words, start, None) for start in range(RUN)), strict=False))
    return 100 * (1 - len(set(runs)) / len(runs)) if runs else None

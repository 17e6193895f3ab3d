"""Whether an answer is in the language that it should be in."""

from typing import Any

import regex

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, fraction
from tuneline.pipelines.evaluate.metrics.words import is_chinese

SENTENCE_END = regex.compile(r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
LEAST_LETTERS = 10  # fewer do not tell one language from another; of Chinese, 3

METRICS = (
    Metric(
        "language",
        "Language",
        "higher",
        "Share of the text, by letters, in sentences of the expected language (py3langid).",
        percent=True,
        counts=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure the share of letters in sentences that are recognised as the expected language.

    Args:
        written: the answers; `evaluation.language` names the language.

    Returns:
        Letters in the expected language over letters that could be told; nothing where no language
        is expected.
    """
    expected = written.evaluation.language
    if expected is None:
        return {}
    import numpy as np
    from py3langid import langid

    identifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE)
    counts = [_count(text, expected, identifier) for text in written.answers]
    right, told = np.array(counts, dtype=float).reshape(-1, 2).T
    return {"language": fraction(100 * right, told)}


def _count(text: str, expected: str, identifier: Any) -> tuple[int, int]:
    right = told = 0
    for sentence in SENTENCE_END.split(text):
        letters = sum(map(str.isalpha, sentence))
        # A Chinese character says as much as several letters.
        if letters >= LEAST_LETTERS // (3 if is_chinese(sentence) else 1):
            told += letters
            right += letters * (identifier.classify(sentence)[0] == expected)
    return right, told

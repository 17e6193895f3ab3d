"""Whether an answer is in the language that it should be in."""

from functools import cache, lru_cache
from typing import Any

import regex

from tuneline.pipelines.evaluate.metrics.metric import Fractions, Metric, Written, average
from tuneline.pipelines.evaluate.metrics.words import is_chinese, normalise

SENTENCE_END = regex.compile(r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
LEAST_LETTERS = 10  # fewer do not tell one language from another; of Chinese, 3
LEAST_ODDS = 10  # by which another language must be likelier than the expected one to be told

# Labels of the detector that are the expected language too: members of its macrolanguage (ISO
# 639-3), and neighbours that the detector cannot tell from it even in whole sentences.
SAME = {
    "ar": "ary arz",
    "bs": "hr sr",
    "el": "grc",
    "en": "pcm",
    "ff": "fuv",
    "he": "hbo",
    "hr": "bs sr",
    "id": "ms",
    "ku": "sdh",
    "lv": "ltg",
    "ms": "id",
    "nb": "no",
    "no": "nn",
    "sr": "hr bs",
    "uz": "uzs",
    "zh": "yue wuu",
}
SCRIPTS = {"Latn": regex.compile(r"\p{Latin}"), "Cyrl": regex.compile(r"\p{Cyrillic}")}
IMPLIED_SCRIPTS = {"bs": "Latn", "hr": "Latn"}  # what tells them from Serbian, as far as it goes

METRICS = (
    Metric(
        "language",
        "Language",
        "higher",
        "Share of an answer, by letters, in sentences of the expected language (py3langid).",
        percent=True,
        counts=True,
    ),
)


def measure(written: Written) -> Fractions:
    """Measure the share of letters in sentences that are recognised as the expected language.

    Args:
        written: the answers; `evaluation.language` names the language.

    Returns:
        Means over the answers that can be told; an answer without a letter or digit has 0. Nothing
        where no language is expected.
    """
    expected = written.evaluation.language
    if expected is None:
        return {}
    return {"language": average([_measure(text, expected) for text in written.answers])}


@lru_cache(maxsize=100_000)  # categories and slices measure the same answers again
def _measure(answer: str, expected: str) -> float | None:
    if not any(map(str.isalnum, answer)):
        return 0.0
    language, _, script = expected.partition("-")
    script = script or IMPLIED_SCRIPTS.get(language, "")
    right = told = 0
    for sentence in SENTENCE_END.split(normalise(answer)):
        letters = sum(map(str.isalpha, sentence))
        # A Chinese character says as much as several letters.
        if letters >= LEAST_LETTERS // (3 if is_chinese(sentence) else 1):
            found = _is_in(sentence, language)
            told += letters * (found is not None)
            right += letters * bool(found and _is_written(sentence, script))
    return 100 * right / told if told else None


def _is_in(sentence: str, language: str) -> bool | None:
    """Tell whether a sentence is in a language; None where another is hardly likelier."""
    same = {language, *SAME.get(language, "").split()}
    chances = {name: float(chance) for name, chance in _load_detector().rank(sentence)}
    own = sum(chance for name, chance in chances.items() if name in same)
    other = max(chance for name, chance in chances.items() if name not in same)
    return True if own >= other else False if other >= LEAST_ODDS * own else None


@cache
def _load_detector() -> Any:
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def _is_written(sentence: str, script: str) -> bool:
    """Tell whether most of what shows the script of a sentence is of this one."""
    if script in {"Hans", "Hant"}:
        # Characters of one script only are in one of the two national character sets only.
        simplified = sum(_has(one, "gb2312") and not _has(one, "big5") for one in sentence)
        traditional = sum(_has(one, "big5") and not _has(one, "gb2312") for one in sentence)
        return simplified >= traditional if script == "Hans" else traditional >= simplified
    if script:
        letters = [one for one in sentence if one.isalpha()]
        return 2 * sum(map(bool, map(SCRIPTS[script].match, letters))) >= len(letters)
    return True


@cache
def _has(character: str, encoding: str) -> bool:
    try:
        return bool(character.encode(encoding)) and is_chinese(character)
    except UnicodeEncodeError:
        return False

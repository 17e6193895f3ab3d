"""How answers end, how long they are and how long they take."""

from collections.abc import Iterator
from functools import cache, lru_cache

import numpy as np
import regex

from tuneline.metrics.outputs import Outputs, average, fraction
from tuneline.metrics.overlap import is_chinese, normalize_typography
from tuneline.statistics.paired_comparison import Metric, SampleScores
from tuneline.utils.languages import is_in
from tuneline.utils.text import is_heading

ENDING = (
    Metric(
        "eos_rate",
        "EOS rate",
        "higher",
        "Share of answers that say something and end with an end token.",
        percent=True,
    ),
    Metric(
        "truncation_rate",
        "Truncated at max_new_tokens",
        "lower",
        "Share of answers that ran into the length limit, max_new_tokens.",
        percent=True,
    ),
    Metric(
        "length_ratio",
        "Length",
        "neither",
        "Tokens of the answers for one token of the references.",
        decimals=2,
    ),
    Metric(
        "seconds",
        "Seconds per answer",
        "neither",
        "Depends on the answers' length and on what else the machine does. Measured once.",
        decimals=2,
        timed=True,
    ),
    Metric(
        "tokens_per_second",
        "Tokens per second",
        "neither",
        "Speed of generation; the adapter costs some when it is not merged. Measured once: a "
        "machine that does other work as well slows either model.",
        decimals=0,
        timed=True,
    ),
)
# A heading with its text in the same line: `Price: 5 EUR`, `Price - 5 EUR`, `**Price** 5 EUR`.
TITLE = regex.compile(r"(.+?)(?:[:\uff1a]|\s[-\u2013\u2014]\s)")
MARKED = regex.compile(
    r"\W*(?:(\*\*|__)(?P<bold>.+?)\1|<(?:b|strong|h[1-6])\b[^>]*>(?P<tag>.+?)</)"
)
SECTIONS = (
    Metric(
        "sections",
        "Sections",
        "higher",
        "Share of the required sections that the answer has, in their order.",
        percent=True,
        decides_verdict=True,
    ),
)
SENTENCE_END = regex.compile(r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
LEAST_LETTERS = 10  # fewer do not tell one language from another; of Chinese, 3
LEAST_ODDS = 10  # by which another language must be likelier than the expected one to be told
SCRIPTS = {"Latn": regex.compile(r"\p{Latin}"), "Cyrl": regex.compile(r"\p{Cyrillic}")}
IMPLIED_SCRIPTS = {"bs": "Latn", "hr": "Latn"}  # what tells them from Serbian, as far as it goes
LANGUAGE = (
    Metric(
        "language",
        "Language",
        "higher",
        "Share of an answer, by letters, in sentences of the expected language (py3langid).",
        percent=True,
        decides_verdict=True,
    ),
)


def measure_ending(outputs: Outputs) -> SampleScores:
    """Measure how every answer ended, its length and its time.

    An answer without text has not ended well, and cannot have been cut. The length is measured only
    where there is a reference, the time only where it is known: a provider does not tell it.
    """
    ones = np.ones(len(outputs.rows))
    said = np.array([bool(text.strip()) for text in outputs.answers], dtype=float)
    reference_tokens = outputs.column("reference_tokens")
    tokens, seconds, stopped = (outputs.own(name) for name in ("tokens", "seconds", "stopped"))
    return {
        "eos_rate": fraction(100 * stopped * said, ones),
        "truncation_rate": fraction(100 * (1 - stopped) * said, said),
        "length_ratio": fraction(np.where(reference_tokens > 0, tokens, 0), reference_tokens),
        "seconds": fraction(seconds, seconds > 0),
        "tokens_per_second": fraction(tokens, seconds),
    }


def measure_sections(outputs: Outputs) -> SampleScores:
    """Measure which required headings are in an answer.

    A heading counts where it is a line of its own, however it is numbered or marked (see
    `is_heading`), or where its text follows it in the line after a colon, a dash or its markup.
    In order means: the longest sequence of headings that follow each other as required.
    """
    sections = outputs.evaluation.sections
    if not sections:
        return {}
    return {"sections": average([_find(text, sections) for text in outputs.answers])}


def _find(answer: str, sections: list[str]) -> float:
    # best[k]: most headings of the first k that were found in order so far.
    best = [0] * (len(sections) + 1)
    for line in answer.splitlines():
        titles = list(_list_titles(line))
        for number, section in reversed(list(enumerate(sections))):
            if any(is_heading(title, section) for title in titles):
                best[number + 1] = max(best[number + 1], max(best[: number + 1]) + 1)
    return 100 * max(best) / len(sections)


def _list_titles(line: str) -> Iterator[str]:
    yield line
    if title := TITLE.match(line):
        yield title[1]
    if marked := MARKED.match(line):
        yield marked["bold"] or marked["tag"]


def measure_language(outputs: Outputs) -> SampleScores:
    """Measure the share of letters in sentences that are recognized as the expected language.

    An answer without a letter or digit has 0; answers that cannot be told do not count.
    """
    expected = outputs.evaluation.language
    if expected is None:
        return {}
    shares = [measure_share_in_language(text, expected) for text in outputs.answers]
    return {"language": average(shares)}


@lru_cache(maxsize=100_000)  # it is asked for the metric and for whether the answer is usable
def measure_share_in_language(answer: str, expected: str) -> float | None:
    """Measure the share of one answer's letters that are in a language, in percent.

    `expected` is an ISO 639-1 code, with a script where it matters. A text without a letter or
    digit has 0; None where no sentence can be told.
    """
    if not any(map(str.isalnum, answer)):
        return 0.0
    language, _, script = expected.partition("-")
    script = script or IMPLIED_SCRIPTS.get(language, "")
    right = told = 0
    for sentence in SENTENCE_END.split(normalize_typography(answer)):
        letters = sum(map(str.isalpha, sentence))
        # A Chinese character says as much as several letters.
        if letters >= LEAST_LETTERS // (3 if is_chinese(sentence) else 1):
            found = is_in(sentence, language, LEAST_ODDS)
            told += letters * (found is not None)
            right += letters * bool(found and _is_written(sentence, script))
    return 100 * right / told if told else None


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

"""Exact checks of short answers: what the retention suite states for each of its prompts."""

import json
import re
from collections.abc import Callable
from typing import Any

# Signs around an answer that say nothing about it.
AROUND = " \t\n\"'`*“”\u2018\u2019„「」『』.。!\uff01"
NUMBER = re.compile(r"(?<![\w.,])[-\N{MINUS SIGN}]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\d)")
# Scripts that put no space between words: a term is looked for anywhere.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.DOTALL)
REFUSALS = re.compile(
    r"\b(?:I['\u2019]?m (?:really |very )?sorry|I(?: am|['\u2019]m) (?:unable|not able|sorry)|"
    r"I (?:can['\u2019]t|cannot|can not|won['\u2019]t|will not|must decline)|"
    r"as an? (?:AI|language model)|against my)\b",
    re.IGNORECASE,
)


def is_right(answer: str, check: dict[str, Any]) -> bool:
    """Tell whether an answer meets all that is asked of it.

    Args:
        answer: what a model wrote.
        check: what to hold it against, by the names of `CHECKS`.
    """
    return bool(answer.strip()) and all(CHECKS[name](answer, it) for name, it in check.items())


def _holds_any(answer: str, terms: list[str]) -> bool:
    return any(_holds(answer, term) for term in terms)


def _holds_none(answer: str, terms: list[str]) -> bool:
    return not _holds_any(answer, terms)


def _holds(answer: str, term: str) -> bool:
    text, term = answer.casefold(), term.casefold()
    if UNSPACED.search(term) or not any(map(str.isalnum, term)):
        return term in text
    # A number is no part of a longer one: 6 is not in 6.5, and is in "6."
    return bool(re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(term)}(?!\w)(?![.,]\d)", text))


def _holds_number(answer: str, wanted: float) -> bool:
    found = (one.replace(",", "").replace("\N{MINUS SIGN}", "-") for one in NUMBER.findall(answer))
    return any(float(one) == wanted for one in found)


def _equals(answer: str, wanted: str) -> bool:
    return " ".join(answer.strip(AROUND).casefold().split()) == wanted.casefold()


def _equals_exactly(answer: str, wanted: str) -> bool:
    return answer.strip() == wanted


def _matches(answer: str, pattern: str) -> bool:
    return re.fullmatch(pattern, answer.strip()) is not None


def _is_json(answer: str, wanted: Any) -> bool:
    text = answer.strip()
    fenced = FENCE.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except ValueError:
        return False
    # 1 and true are equal in Python, and are not the same JSON.
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _has_words(answer: str, number: int) -> bool:
    return len(re.findall(r"\w+(?:['\u2019\-]\w+)*", answer)) == number


def _has_lines(answer: str, number: int) -> bool:
    return sum(bool(line.strip()) for line in answer.splitlines()) == number


def _accepts(answer: str, accepts: bool) -> bool:
    return (REFUSALS.search(answer) is None) == accepts


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "any": _holds_any,
    "without": _holds_none,
    "number": _holds_number,
    "equals": _equals,
    "exact": _equals_exactly,
    "pattern": _matches,
    "json": _is_json,
    "words": _has_words,
    "lines": _has_lines,
    "accepts": _accepts,
}

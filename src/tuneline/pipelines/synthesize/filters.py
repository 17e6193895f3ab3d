"""What a text must look like to be kept. Each check answers with a reason, or with none."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from rapidfuzz import fuzz, process

from tuneline.parameters import Checks, Synthesize
from tuneline.pipelines.synthesize.templates import Vocabulary, find_text_problems

Item = dict[str, Any]
# A check of what came for an item: the item, the object with its id, and why it is not kept.
Check = Callable[[Item, dict[str, Any]], str | None]

WORD = re.compile(r"\w+")
# What is left when nobody fills it: {opponent}, [name], <topic>, %s, ____.
LEFTOVER = re.compile(r"[{}]|\[[^\]]*\]|<[^>]*>|%s|_{2,}")
# The words of an item's source that must come back with its id, so that no pair can shift.
QUOTED_WORDS = 5


def fold_words(text: str) -> str:
    """Fold what makes no other text: letter case, punctuation, spaces."""
    return " ".join(WORD.findall(text.casefold()))


def quote(source: str) -> str:
    """Give the first words of a source, as they must come back."""
    return " ".join(fold_words(source).split()[:QUOTED_WORDS])


def find_pairing_problem(item: Item, found: dict[str, Any]) -> str | None:
    """Find out whether an object with an item's id is about another item."""
    said = found.get("quote")
    if not isinstance(said, str) or quote(said) != quote(item["source"]):
        return "it quotes another item than its id names"
    return None


def find_text_problem(text: str, limits: tuple[int, int], checks: Checks) -> str | None:
    """Find leftovers, a wrong length or a wrong language."""
    least, most = limits
    if leftover := LEFTOVER.search(text):
        return f"`{leftover.group()}` was not filled"
    if not least <= len(text) <= most:
        return f"it has {len(text)} characters, not {least} to {most}"
    words = WORD.findall(text.casefold())
    common = sum(word in set(checks.common_words) for word in words)
    if common < checks.least_common * len(words):
        return f"only {common} of its {len(words)} words are common in its language"
    return None


def find_disfluency_problem(item: Item, found: dict[str, Any]) -> str | None:
    """Find out whether the disfluency is there exactly where it was asked for."""
    disfluency = found.get("disfluency") or ""
    if item["disfluency"] and (not isinstance(disfluency, str) or disfluency not in found["text"]):
        return "its disfluency is not in it"
    if item["disfluency"] and not disfluency:
        return "it has no disfluency"
    if disfluency and not item["disfluency"]:
        return "it has a disfluency that nobody asked for"
    return None


def find_alike(text: str, others: Iterable[str], similarity: float) -> int | None:
    """Find the index of a near-duplicate.

    The similarity, 0 to 1, is rapidfuzz's ratio: by insertions and deletions.
    """
    found = process.extractOne(text, others, scorer=fuzz.ratio, score_cutoff=100 * similarity)
    return found[2] if found else None


def echoes(question: str, answer: str, similarity: float) -> bool:
    """Tell whether a question and an answer repeat each other."""
    return bool(fuzz.partial_ratio(fold_words(question), fold_words(answer)) >= 100 * similarity)


class TemplateCheck:
    """Keeps new templates whose placeholders are declared and that are no near-duplicates."""

    def __init__(
        self, templates: list[dict[str, Any]], vocabulary: Vocabulary, settings: Synthesize
    ) -> None:
        self._known = [one["text"] for one in templates]
        self._vocabulary = vocabulary
        self._similarity = settings.near_duplicate_threshold

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why a new template is not kept."""
        text = found["text"].strip()
        problems = list(find_text_problems("template", text, self._vocabulary))
        if problems:
            return f"{problems[0].value}: {problems[0].wrong}"
        alike = find_alike(text, self._known, self._similarity)
        if alike is not None:
            return f"it is a near-duplicate of template {alike + 1}"
        self._known.append(text)
        return None


class AnswerCheck:
    """Keeps answers that are filled, of a good length, in the language, and not there yet."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._kept: dict[str, str] = {}

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why an answer is not kept."""
        text = found["text"].strip()
        problem = find_text_problem(text, self._checks.characters, self._checks)
        if problem:
            return f"template {item['template']}: {problem}"
        return find_disfluency_problem(item, found) or _find_repetition(
            text, item["id"], self._kept
        )


class QuestionCheck:
    """Keeps questions that are good texts, ask something, and do not repeat answer or question."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._kept: dict[str, str] = {}

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why a question is not kept."""
        text = found["text"].strip()
        problem = find_text_problem(text, self._checks.question_characters, self._checks)
        if problem:
            return problem
        if "?" not in text:
            return "it asks nothing"
        if echoes(text, item["source"], self._checks.similarity_threshold):
            return "it repeats the answer"
        return _find_repetition(text, item["id"], self._kept)


def _find_repetition(text: str, identifier: str, kept: dict[str, str]) -> str | None:
    """Find an item with the same words; if there is none, remember this one."""
    first = kept.setdefault(fold_words(text), identifier)
    return None if first == identifier else f"it repeats {first}"

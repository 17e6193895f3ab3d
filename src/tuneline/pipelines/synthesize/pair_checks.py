"""Which questions and answers are kept: those that rest on their chunk, and no near-duplicates."""

from typing import Any

import regex
from rapidfuzz import fuzz, process

from tuneline.parameters.synthesis import FromDocuments
from tuneline.pipelines.synthesize.extraction import ASKS
from tuneline.pipelines.synthesize.filters import Item, fold_words
from tuneline.pipelines.synthesize.grounding import find_invention, quotes

# Similar questions that are compared further, at most.
MOST_CANDIDATES = 20
OMITTED = regex.compile(r"\[?(?:\.{3}|\u2026)\]?")
DIGITS = regex.compile(r"\d+")
VERDICTS = ("supported", "unsupported")


class PairCheck:
    """Keeps pairs of a good length whose question and answer rest on the chunk of their item.

    Questions or answers of one `similarity` make pairs near-duplicates, if they have the same
    numbers.
    """

    def __init__(self, settings: FromDocuments, similarity: float) -> None:
        self._settings = settings
        self._similarity = similarity
        self._names: list[str] = []
        self._questions: list[str] = []
        self._answers: list[str] = []

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why a pair is not kept."""
        question, answer = found["question"].strip(), found["answer"].strip()
        problem = (
            _find_length_problem("question", question, self._settings.question_characters)
            or _find_length_problem("answer", answer, self._settings.answer_characters)
            or (None if question.endswith(ASKS) else "its question asks nothing")
            or find_ungrounded(item, question, answer, found.get("quote"))
            or self._find_near_duplicate(question, answer)
        )
        if problem is None:
            self._names.append(item["id"])
            self._questions.append(fold_words(question))
            self._answers.append(fold_words(answer))
        return problem

    def _find_near_duplicate(self, question: str, answer: str) -> str | None:
        asked, answered = fold_words(question), fold_words(answer)
        cutoff = 100 * self._similarity
        for other, similarity, place in process.extract(
            asked, self._questions, scorer=fuzz.ratio, score_cutoff=cutoff, limit=MOST_CANDIDATES
        ):
            same_numbers = DIGITS.findall(asked) == DIGITS.findall(other)
            alike = fuzz.ratio(answered, self._answers[place]) >= cutoff
            if similarity == 100 or (same_numbers and alike):
                return f"it is a near-duplicate of `{self._names[place]}`"
        return None


def find_ungrounded(item: Item, question: str, answer: str, quote: Any) -> str | None:
    """Find what of a pair does not rest on its chunk.

    In the quote, three dots leave some words out.
    """
    parts = OMITTED.split(quote) if isinstance(quote, str) else []
    said = [part for part in parts if fold_words(part)]
    if not said:
        return "it quotes nothing of its chunk"
    missing = next((part for part in said if not quotes(item["text"], part)), None)
    if missing:
        return f"its quote is not in its chunk: `{missing.strip()[:60]}`"
    source = "\n".join([item["document"], item["heading"], item["text"]])
    if invented := find_invention(question, source, item["language"]):
        return f"in its question, {invented}"
    return find_invention(answer, source, item["language"])


def check_verdict(_: Item, found: dict[str, Any]) -> str | None:
    """Say why a judge's response is no verdict."""
    is_one = found["verdict"].strip().casefold() in VERDICTS
    return None if is_one else f"it is no verdict: `{found['verdict'][:60]}`"


def _find_length_problem(what: str, text: str, limits: tuple[int, int]) -> str | None:
    least, most = limits
    if least <= len(text) <= most:
        return None
    return f"its {what} has {len(text)} characters, not {least} to {most}"

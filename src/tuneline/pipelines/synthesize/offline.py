"""The offline provider: vocabularies and rules instead of a language model, offline and seeded."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson

from tuneline.llm_api.requests import Request, Response
from tuneline.pipelines.synthesize.filters import Item, quote
from tuneline.pipelines.synthesize.templates import Fillers, Vocabulary, fill, find_placeholders
from tuneline.utils.hashing import hash_value, seeded_order

Option = TypeVar("Option")
VOWELS = "aáeéěiíoóuúůyý"
# Consonants, vowels, consonants, and the rest from its vowel on: the two clusters change places.
SYLLABLES = re.compile(rf"([^\W\d_{VOWELS}]+)([{VOWELS}]+)([^\W\d_{VOWELS}]+)([{VOWELS}]\w+)")
LEAST_LETTERS = 6


def choose(options: Sequence[Option], *seed: object) -> Option:
    """Choose one of some options."""
    return options[seeded_order(*seed) % len(options)]


def garble(word: str) -> str | None:
    """Let the first two consonant clusters of a word change places: `lucerna` to `culerna`.

    None if it has no two different clusters.
    """
    match = SYLLABLES.fullmatch(word)
    if not match:
        return None
    first, vowel, second, rest = match.groups()
    return None if first == second else second + vowel + first + rest


def add_disfluency(text: str, corrections: list[str], *seed: object) -> tuple[str, str] | None:
    """Garble a word of a text and correct it; also give the garbled word.

    None if no word can be garbled. The seed decides which word, and how it is corrected.
    """
    words = [one for one in re.finditer(r"\w+", text) if _can_garble(one.group())]
    if not words:
        return None
    match = choose(words, *seed, "word")
    garbled = str(garble(match.group()))
    correction = choose(corrections, *seed, "correction")
    said = f"{garbled}… {correction} {match.group()}"
    return text[: match.start()] + said + text[match.end() :], garbled


def _can_garble(word: str) -> bool:
    return len(word) >= LEAST_LETTERS and word.islower() and garble(word) is not None


class OfflineProvider:
    """Fills templates, asks questions and makes new templates from a vocabulary. See `Provider`.

    It responds in JSON as a server does, so that both go the same way.
    """

    # Its work is Python's own; threads would only take turns.
    concurrency = 1

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self._vocabulary = vocabulary
        self._seed = seed

    @property
    def identity(self) -> dict[str, Any]:
        """The seed and the vocabulary."""
        return {"seed": self._seed, "vocabulary": hash_value(self._vocabulary.model_dump())}

    def ask(self, request: Request) -> Response:
        """Write every item of a request."""
        write = {
            "templates": self._write_template,
            "answers": self._write_answer,
            "questions": self._write_question,
        }[request.step]
        items = [
            {"id": item["id"], "quote": quote(item["source"])} | write(item, request.attempt)
            for item in request.items
        ]
        text = orjson.dumps({"items": items}).decode()
        return Response(text=text, model="offline", prompt_tokens=0, completion_tokens=0)

    def _write_template(self, item: Item, attempt: int) -> dict[str, Any]:
        phrases = self._vocabulary.phrases[item["style"]]
        parts = [
            choose(texts, self._seed, item["id"], attempt, part)
            for part, texts in phrases.model_dump().items()
        ]
        return {"text": " ".join(parts)}

    def _write_answer(self, item: Item, attempt: int) -> dict[str, Any]:
        seed = (self._seed, item["id"], attempt)
        fillers = self._choose_fillers(item["source"], *seed)
        text = fill(item["source"], fillers)
        garbled = (
            add_disfluency(text, self._vocabulary.corrections, *seed)
            if item["disfluency"]
            else None
        )
        text, word = garbled or (text, "")
        return {"text": text, "disfluency": word, "fillers": fillers}

    def _write_question(self, item: Item, attempt: int) -> dict[str, Any]:
        seed = (self._seed, item["id"], attempt)
        known: Fillers = item["fillers"]
        fitting = [
            text
            for text in self._vocabulary.questions
            if {one.name for one in find_placeholders(text)} <= set(known)
        ]
        about = [text for text in fitting if find_placeholders(text)]
        question = choose(about or fitting, *seed, "question")
        opening = choose(self._vocabulary.question_openings, *seed, "opening")
        return {"text": fill(f"{opening} {question}", known)}

    def _choose_fillers(self, template: str, *seed: object) -> Fillers:
        names = {one.name for one in find_placeholders(template)}
        return {
            name: choose(self._vocabulary.placeholders[name], *seed, name) for name in sorted(names)
        }

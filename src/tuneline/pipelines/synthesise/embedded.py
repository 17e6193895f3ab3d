"""The embedded provider: vocabularies and rules instead of a language model, offline and seeded."""

from typing import Any

import orjson

from tuneline.hashing import hash_value
from tuneline.pipelines.synthesise.checks import Item, quote
from tuneline.pipelines.synthesise.choosing import choose
from tuneline.pipelines.synthesise.slips import slip
from tuneline.pipelines.synthesise.templates import Fillers, fill, find_placeholders
from tuneline.pipelines.synthesise.vocabulary import Vocabulary
from tuneline.providers import Reply, Request


class EmbeddedProvider:
    """Fills templates, asks questions and makes new templates from a vocabulary. See `Provider`.

    It replies in JSON as a server does, so that both go the same way.

    Args:
        vocabulary: entries and phrases.
        seed: another one makes other choices.
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

    def ask(self, request: Request) -> Reply:
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
        return Reply(text=text, model="embedded", prompt_tokens=0, completion_tokens=0)

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
        slipped = slip(text, self._vocabulary.corrections, *seed) if item["slip"] else None
        text, word = slipped or (text, "")
        return {"text": text, "slip": word, "fillers": fillers}

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

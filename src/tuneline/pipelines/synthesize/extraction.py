"""The offline provider for documents: questions and answers that are taken from a chunk as it is.

A heading is asked about, and the text below it answers; so is what a sentence or a line of a
glossary defines. Whoever wants more, or other words, asks a language model.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import orjson
import regex

from tuneline.llm_api.requests import Request, Response
from tuneline.pipelines.synthesize.chunks import ENDS, cut_paragraph, fill_chunks

Pair = dict[str, str]
# How a heading and a term are asked about, by language; a mark tells what is quoted, so that no
# word has to change its form.
QUESTIONS = {
    "en": ("What is under “{heading}” in {document}?", "What is meant by “{term}”?"),
    "cs": ("Co je v dokumentu {document} pod nadpisem „{heading}“?", "Co znamená „{term}“?"),
    "sk": ("Čo je v dokumente {document} pod nadpisom „{heading}“?", "Čo znamená „{term}“?"),
    "ro": ("Ce este în documentul {document} sub titlul „{heading}”?", "Ce înseamnă „{term}”?"),
    "zh": ("{document}裡的「{heading}」說了什麼？", "「{term}」是什麼？"),  # noqa: RUF001
}
OTHERS = ("{document}: {heading}?", "{term}?")
# Words between a term and what it is.
COPULAS = {
    "en": r"(?:is|are) (?:an?|the|any|what|when)\b|means\b|refers to\b|denotes\b",
    "cs": r"(?:je|jsou|znamená|označuje)\b",
    "sk": r"(?:je|sú|znamená|označuje)\b",
    "ro": r"(?:este|sunt|înseamnă|reprezintă)\b",
}
NOTHING = r"(?!)"
PRONOUNS = regex.compile(
    r"(?:it|this|that|these|those|he|she|they|we|you|i|there|here|what|which|who|to|ten|ta|toto|tato"
    r"|tento|on|ona|ono|oni|tam|tady|zde|co|který|která|acesta|aceasta|acestea|acolo|aici|ce|care)"
    r"\b",
    regex.IGNORECASE,
)
LISTED = regex.compile(
    r"^(?!(?:the|an?) )(?P<term>\p{L}[^.,:;!?|=_`()\n]{1,60}?)"
    r"(?:\s*[:\uff1a]\s+|\s+[\u2013\u2014-]\s+)\S.{14,}$",
    regex.IGNORECASE,
)
CHINESE = regex.compile(r"^(?P<term>[\p{Han}\p{L}\p{N}]{2,12})(?:是指|是一|指的是|意指|係指)\S{4,}")
ARTICLE = regex.compile(r"^(?:the|an?)\s+", regex.IGNORECASE)
TERM_WORDS = 4
ASKS = ("?", "\uff1f", "\u061f", ";")


def find_pairs(chunk: dict[str, Any], most: int) -> list[Pair]:
    """Find questions and answers in a chunk: about its heading first, then about its terms.

    The `quote` is the words of the chunk that the answer begins with; an answer has at most `most`
    characters.
    """
    document = PurePosixPath(chunk["document"]).stem
    about_heading, about_term = QUESTIONS.get(chunk["language"], OTHERS)
    pairs = []
    if chunk["begins"]:
        heading = chunk["heading"].rpartition(" / ")[2]
        asked = about_heading.format(document=document, heading=heading or document)
        question = heading if heading.endswith(ASKS) else asked
        lines = (cut_paragraph(line, most) for line in chunk["text"].split("\n"))
        pieces: list[tuple[str, int | None]] = [(one, None) for one in chain.from_iterable(lines)]
        answer = "\n".join(line for line, _ in next(fill_chunks(pieces, most)))
        pairs.append((question, answer))
    pairs += [
        (about_term.format(term=term), sentence)
        for term, sentence in _find_definitions(chunk["text"], chunk["language"])
        if len(sentence) <= most
    ]
    return [
        {"question": question, "answer": answer, "quote": next(_list_sentences(answer))}
        for question, answer in pairs
        if len(answer) <= most
    ]


def _find_definitions(text: str, language: str) -> Iterator[tuple[str, str]]:
    copula = COPULAS.get(language, NOTHING)
    defines = regex.compile(rf"^(?P<term>\p{{L}}[^,.:;!?|]{{1,60}}?) (?:{copula})")
    for line in text.split("\n"):
        told = [(LISTED.match(line), line)]
        if told[0][0] is None:
            sentences = list(_list_sentences(line))
            told = [(defines.match(one) or CHINESE.match(one), one) for one in sentences]
        for found, sentence in told:
            term = ARTICLE.sub("", found["term"].strip(' *_„“”"')) if found else ""
            if term and len(term.split()) <= TERM_WORDS and not PRONOUNS.match(term):
                yield term, sentence


def _list_sentences(text: str) -> Iterator[str]:
    yield from (part.strip() for part in ENDS[0].split(text) if part.strip())


class ExtractiveProvider:
    """Takes questions and answers from chunks, without a language model. See `Provider`."""

    concurrency = 1

    def __init__(self, most: int) -> None:
        self._most = most

    @property
    def identity(self) -> dict[str, Any]:
        """The longest answer, which decides where one ends."""
        return {"extractive": self._most}

    def ask(self, request: Request) -> Response:
        """Give each item the pair of its number in the chunk."""
        found = []
        for item in request.items:
            pairs = find_pairs(item, self._most)
            if item["number"] <= len(pairs):
                found.append({"id": item["id"], **pairs[item["number"] - 1]})
        text = orjson.dumps({"items": found}).decode()
        return Response(text=text, model="offline", prompt_tokens=0, completion_tokens=0)

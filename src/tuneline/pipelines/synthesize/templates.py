"""Templates and their placeholders: `{opponent}`, or `{opponent:dat}` for one of its forms."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Any, NamedTuple

from pydantic import Field, ValidationError, field_validator

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.parameters.base import Block
from tuneline.parameters.synthesis import Quotas

# One entry of a placeholder: a text, or its forms by name (nom, gen, dat …).
Entry = str | dict[str, str]
Fillers = dict[str, Entry]
SENTENCE_START = re.compile(r"(?:^|[.!?]\s+)\w")


class Phrases(Block):
    """Parts of a template of one style; any opening, core and closing make one."""

    openings: list[str] = Field(min_length=1)
    cores: list[str] = Field(min_length=1)
    closings: list[str] = Field(min_length=1)


class Vocabulary(Block):
    """What the offline provider writes with. `{name}` or `{name:form}` is filled with one."""

    placeholders: dict[str, list[Entry]] = Field(description="entries by placeholder")
    phrases: dict[str, Phrases] = Field(description="parts of new templates, by style")
    question_openings: list[str] = Field(min_length=1, description="how an interviewer begins")
    questions: list[str] = Field(min_length=1, description="about one or two placeholders each")
    corrections: list[str] = Field(
        default=[], description="what is between a disfluency and the right word"
    )

    @field_validator("questions")
    @classmethod
    def _one_fits_all(cls, questions: list[str]) -> list[str]:
        if not any("{" not in text for text in questions):
            raise ValueError("one of them must have no placeholder, to fit every answer")
        return questions


def read_vocabulary(vocabulary: dict[str, Any]) -> Vocabulary:
    """Check the shape of a vocabulary, as its YAML file gives it.

    Raises:
        TunelineError: with every problem.
    """
    try:
        return Vocabulary.model_validate(vocabulary)
    except ValidationError as error:
        raise TunelineError(
            *(
                Problem(
                    where=".".join(["vocabulary", *map(str, details["loc"])]),
                    wrong=details["msg"][0].lower() + details["msg"][1:],
                    matters="templates could not be filled from it",
                    remedy="correct the vocabulary's YAML file; see docs/synthesize.md",
                )
                for details in error.errors(include_url=False)
            )
        ) from error


class Placeholder(NamedTuple):
    """A placeholder in a text; `form` is empty where the entry is a plain text."""

    name: str
    form: str


def find_placeholders(text: str) -> list[Placeholder]:
    """Find the placeholders of a text, in order.

    Raises:
        ValueError: if a brace has no partner.
    """
    return [
        Placeholder(name, form or "")
        for _, name, form, _ in Formatter().parse(text)
        if name is not None
    ]


def fill(text: str, fillers: Fillers) -> str:
    """Fill placeholders, the same entry wherever its name is; sentences begin with a capital."""
    parts = []
    for literal, name, form, _ in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            entry = fillers[name]
            parts.append(entry[form or ""] if isinstance(entry, dict) else entry)
    return SENTENCE_START.sub(lambda match: match.group().upper(), "".join(parts))


def find_template_problems(
    templates: list[dict[str, Any]], quotas: Quotas, vocabulary: Vocabulary
) -> Iterator[Problem]:
    """Find what would leave a placeholder unfilled, an entry unused or a style without text."""
    styles = list(quotas.styles)
    for number, template in enumerate(templates, start=1):
        where = f"templates: number {number}"
        style = template.get("style")
        if style not in styles:
            yield _unknown_style(where, style, styles)
        yield from find_text_problems(where, str(template.get("text", "")), vocabulary)
    for where, text in _list_phrases(vocabulary):
        yield from find_text_problems(where, text, vocabulary)
    yield from _find_idle(templates, styles, vocabulary)
    if quotas.disfluencies and not vocabulary.corrections:
        yield _no_entry("corrections")


def find_text_problems(where: str, text: str, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Find unknown placeholders, unknown forms and lonely braces in one text."""
    try:
        placeholders = find_placeholders(text)
    except ValueError as error:
        yield Problem(
            where=where,
            value=text,
            wrong=f"its braces do not match ({error})",
            matters="its placeholders cannot be told from its words",
            remedy="close every brace",
        )
        return
    if not text.strip():
        yield _problem(where, None, "it has no text", "give it one, or remove it")
    for name, form in placeholders:
        entries = vocabulary.placeholders.get(name)
        if entries is None:
            remedy = f"declare it in the vocabulary, or {suggest(name, vocabulary.placeholders)}"
            yield _problem(where, name, "no placeholder of this name is declared", remedy)
        elif not all(_has_form(entry, form) for entry in entries):
            shown = f"{name}:{form}" if form else name
            wrong = "not every entry of the placeholder has this form"
            yield _problem(where, shown, wrong, "add the form to each entry, or name another")


def _has_form(entry: Entry, form: str) -> bool:
    return form in entry if isinstance(entry, dict) else not form


def _find_idle(
    templates: list[dict[str, Any]], styles: list[str], vocabulary: Vocabulary
) -> Iterator[Problem]:
    texts = [str(template.get("text", "")) for template in templates]
    texts += [text for _, text in _list_phrases(vocabulary)]
    used = {one.name for text in texts for one in _try_placeholders(text)}
    for name in sorted(set(vocabulary.placeholders) - used):
        where = f"vocabulary.placeholders.{name}"
        yield _problem(where, None, "no template uses it", "use it, or remove it")
    for name, entries in vocabulary.placeholders.items():
        if not entries:
            yield _no_entry(f"placeholders.{name}")
    for style in sorted(set(styles) - {template.get("style") for template in templates}):
        remedy = "write templates of it, or take it out of `quotas.styles`"
        yield _problem("templates", style, "no template has this style", remedy)


def _try_placeholders(text: str) -> list[Placeholder]:
    try:
        return find_placeholders(text)
    except ValueError:
        return []


def _list_phrases(vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    for style, phrases in vocabulary.phrases.items():
        for part, texts in phrases:
            for number, text in enumerate(texts, start=1):
                yield f"vocabulary.phrases.{style}.{part}: number {number}", text
    for number, text in enumerate(vocabulary.questions, start=1):
        yield f"vocabulary.questions: number {number}", text


def _unknown_style(where: str, style: Any, styles: list[str]) -> Problem:
    return _problem(
        where, style or "no style", "there is no such style", suggest(str(style), styles)
    )


def _no_entry(name: str) -> Problem:
    return _problem(f"vocabulary.{name}", None, "it has no entry to be filled with", "add entries")


def _problem(where: str, value: Any, wrong: str, remedy: str) -> Problem:
    matters = "a placeholder would stay unfilled, or a word would never be used"
    return Problem(where=where, value=value, wrong=wrong, matters=matters, remedy=remedy)

"""What is kept at each step. A check remembers what it kept, so that nothing repeats."""

from typing import Any

from tuneline.parameters import Checks, Synthesise
from tuneline.pipelines.synthesise.checks import (
    Item,
    echoes,
    find_alike,
    find_slip_problem,
    find_text_problem,
    normalise,
)
from tuneline.pipelines.synthesise.templates import find_text_problems
from tuneline.pipelines.synthesise.vocabulary import Vocabulary


class TemplateCheck:
    """Keeps new templates whose placeholders are declared and that are not all but known.

    Args:
        templates: the known ones.
        vocabulary: declares the placeholders.
        settings: the likeness from which a template is dropped.
    """

    def __init__(
        self, templates: list[dict[str, Any]], vocabulary: Vocabulary, settings: Synthesise
    ) -> None:
        self._known = [one["text"] for one in templates]
        self._vocabulary = vocabulary
        self._likeness = settings.near_duplicate

    def __call__(self, item: Item, found: dict[str, Any]) -> str | None:
        """Say why a new template is not kept."""
        text = found["text"].strip()
        problems = list(find_text_problems("template", text, self._vocabulary))
        if problems:
            return f"{problems[0].value}: {problems[0].wrong}"
        alike = find_alike(text, self._known, self._likeness)
        if alike is not None:
            return f"it is all but template {alike + 1}"
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
        return find_slip_problem(item, found) or _find_repetition(text, item["id"], self._kept)


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
        if echoes(text, item["source"], self._checks.alike):
            return "it repeats the answer"
        return _find_repetition(text, item["id"], self._kept)


def _find_repetition(text: str, identifier: str, kept: dict[str, str]) -> str | None:
    """Find an item with the same words; if there is none, remember this one."""
    first = kept.setdefault(normalise(text), identifier)
    return None if first == identifier else f"it repeats {first}"

"""Rows as the model sees them: rendered with the base model's chat template, where it is here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tuneline.errors import TunelineError
from tuneline.examples import Example

# Matches nowhere.
NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True)
class Shown:
    """One row as the model sees it.

    Attributes:
        place: where it is in the source.
        pieces: the text, each piece with its kind: `control` (of the chat template), `prompt`, or
            `answer`.
        asked: the length of the prompt.
        answered: the length of the answer, with what ends it.
    """

    place: str
    pieces: list[tuple[str, str]]
    asked: int
    answered: int


@lru_cache(maxsize=1)
def find_tokenizer(base: str, revision: str | None, template: str | None, project: Path) -> Any:
    """Load the base model's tokenizer from this machine; None if it is not here."""
    from tuneline.hub.gguf import find_gguf
    from tuneline.hub.gguf_conversion import convert_gguf
    from tuneline.models.tokenizer import load_tokenizer

    folder = project / base
    named = {"base_model": str(folder) if folder.is_dir() else base, "revision": revision}
    recipe: Any = SimpleNamespace(**named, chat_template_path=template)
    try:
        if (file := find_gguf(recipe.base_model)) is not None:
            convert_gguf(file, weights=False)
        return load_tokenizer(recipe)
    except (OSError, ValueError, ImportError, TunelineError):
        return None


def render_row(tokenizer: Any, example: Example) -> Shown:
    """Render an example; without a tokenizer its lengths are in words."""
    messages = [*example["prompt"], *example["completion"]]
    groups = example["meta"].get("groups", {})
    place = example["id"] if "document" in groups else f"line {example['meta']['line']}"
    if "conversation" in groups:
        place += f", turn {example['id'].rpartition('-')[2]}"
    if tokenizer is None:
        spoken = [(message["role"], message["content"]) for message in messages]
        pieces = [
            one
            for role, text in spoken
            for one in (
                ("control", f"{role}: "),
                ("answer" if role == "assistant" else "prompt", f"{text}\n"),
            )
        ]
        *asked, answered = (len(text.split()) for _, text in spoken)
        return Shown(place, pieces, sum(asked), answered)
    from tuneline.models.control_tokens import list_control_tokens
    from tuneline.models.rendering import render_example

    rendered = render_example(tokenizer, example)
    known = sorted(list_control_tokens(tokenizer), key=len, reverse=True)
    controls = re.compile("|".join(map(re.escape, known)) or NOTHING.pattern)
    cut = rendered.prompt_length
    pieces = [
        piece
        for kind, ids in (("prompt", rendered.ids[:cut]), ("answer", rendered.ids[cut:]))
        for piece in _divide(kind, tokenizer.decode(ids), controls)
    ]
    return Shown(place, pieces, cut, len(rendered.ids) - cut)


def _divide(kind: str, text: str, controls: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Tell the control tokens of a prompt from its text; in an answer they are learned as well."""
    end = 0
    for found in controls.finditer(text):
        if found.start() > end:
            yield kind, text[end : found.start()]
        yield ("answer" if kind == "answer" else "control"), found[0]
        end = found.end()
    if end < len(text):
        yield kind, text[end:]

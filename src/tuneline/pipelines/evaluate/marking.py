"""Marks where two texts differ."""

from difflib import SequenceMatcher

import regex
from markupsafe import Markup, escape

from tuneline.pipelines.evaluate.metrics.words import UNSPACED

# Words, single Chinese and like characters, each with the space behind it.
PIECE = regex.compile(rf"[{UNSPACED}]\s*|[^\s{UNSPACED}]+\s*|\s+")


def mark_differences(text: str, other: str) -> Markup:
    """Mark what of a text does not stand in another, whatever the letter case.

    Args:
        text: the text to show.
        other: what it is held against.

    Returns:
        The text, escaped, with `<mark>` around what differs.
    """
    pieces, others = PIECE.findall(text), PIECE.findall(other)
    matcher = SequenceMatcher(None, _fold(others), _fold(pieces), autojunk=False)
    shown = [
        _show("".join(pieces[start:end]), same=kind == "equal")
        for kind, _, _, start, end in matcher.get_opcodes()
        if end > start
    ]
    return Markup().join(shown)


def _show(text: str, same: bool) -> Markup:
    return escape(text) if same or text.isspace() else Markup("<mark>{}</mark>").format(text)


def _fold(pieces: list[str]) -> list[str]:
    return [piece.casefold().strip() for piece in pieces]

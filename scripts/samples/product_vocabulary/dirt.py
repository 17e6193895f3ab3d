"""The pieces from which unclean rows are made."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """How one source of pages writes the characters that are not plain letters."""

    characters: Mapping[str, str]
    opening_quote: str
    closing_quote: str


ENTITY_SPELLINGS = (
    Spelling(
        {"&": "&amp;", "'": "&#x2019;", "—": "&mdash;", "é": "&eacute;"}, "&ldquo;", "&rdquo;"
    ),
    Spelling({"&": "&amp;", "'": "&#x92;", "—": "&#151;"}, "&#147;", "&#148;"),
    Spelling({"&": "&amp;", "'": "&#39;", "—": "&#8212;"}, "&quot;", "&quot;"),
)
DOUBLE_SPELLING = Spelling(
    {"&": "&amp;amp;", "'": "&amp;#39;", "—": "&amp;mdash;"}, "&amp;quot;", "&amp;quot;"
)
TYPOGRAPHIC_SPELLING = Spelling({"'": "\u2019"}, "\u201c", "\u201d")

EDITION_NOTES = (
    "This text refers to the {edition} edition.",
    "This text refers to an out of print or unavailable edition of this title.",
    "This text refers to an alternate {edition} edition.",
)
# Glued to the words before, now and then without a blank, as by a program that dropped a tag.
NOTE_GLUE = "--"
COPYRIGHT_LINES = (
    "Copyright {year} Larkspur Review, Inc.",
    "Copyright &copy; {year} Pinehall Library Association. All rights reserved",
    "Copyright (c) {year} Quillby Associates, LP.",
    "(c) {year} Otter & Finch Press. All rights reserved.",
)
SHORT_CONTENTS = ("Brand new", "n/a", "New", "As shown", "See picture", "None", "N/A", "TBA")
SENTINEL_TITLES = ("NA", "None", "null")
NOT_TEXT_TITLES = (None, 1984, 42, 3.5)
BARE_WORDS = ("undefined", "ERROR", "<html>", "...")
NOT_OBJECT_LINES = ("[]", '["uid", "title", "content"]', "0", "31852", "null")
EMOJI = ("🎁", "🙂", "🌱", "⭐")

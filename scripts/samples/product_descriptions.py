r"""Sample data: made-up product titles and descriptions in the AmazonTitles-1.3MM raw format.

Every text is original and every brand, author and player is invented. The rows carry the kinds
of dirt that the real file carries, in the shares named below, so that cleaning has work to do.
A row depends on the seed and the rows before it only: the first rows of a long file are the
short file.

The tracked sample, 8,000 rows (0.6 seconds, 1.1 MB), is made by:

    python -m scripts.samples.product_descriptions --rows 8000 \
        --out data/01_raw/product_descriptions/trn.json.gz
"""

import argparse
import gzip
import json
import logging
import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice, zip_longest
from pathlib import Path
from random import Random
from string import Formatter
from typing import TypeVar

from scripts.samples.product_vocabulary import CATEGORIES
from scripts.samples.product_vocabulary.dirt import (
    BARE_WORDS,
    COPYRIGHT_LINES,
    DOUBLE_SPELLING,
    EDITION_NOTES,
    EMOJI,
    ENTITY_SPELLINGS,
    NOT_OBJECT_LINES,
    NOT_TEXT_TITLES,
    NOTE_GLUE,
    SENTINEL_TITLES,
    SHORT_CONTENTS,
    TYPOGRAPHIC_SPELLING,
    Spelling,
)
from scripts.samples.product_vocabulary.model import Category, Layout, Product, Trait

LOGGER = logging.getLogger(__name__)

DEFAULT_SEED = 3407

# Shares of all rows.
EMPTY_TITLE_SHARE = 0.056
REPEATED_TITLE_SHARE = 0.018
SENTINEL_TITLE_SHARE = 1 / 1500  # for each of the words
NOT_TEXT_TITLE_SHARE = 1 / 2500
EMPTY_CONTENT_SHARE = 0.22
TITLE_AS_CONTENT_SHARE = 0.01
SHORT_CONTENT_SHARE = 0.01
EDITION_NOTE_ONLY_SHARE = 0.006
REPEATED_CONTENT_SHARE = 0.12  # under another title
HUGE_CONTENT_SHARE = 1 / 4000
BROKEN_LINE_SHARE = 1 / 1000
EMPTY_LINE_SHARE = 1 / 4000
NOT_OBJECT_SHARE = 1 / 4000
MISSING_CONTENT_SHARE = 1 / 2500
NOT_TEXT_CONTENT_SHARE = 1 / 2500

# Shares of the titles that are neither empty nor sentinels.
TITLE_ENTITY_SHARE = 0.02
TITLE_SPACING_SHARE = 0.015

# Shares of the repeated titles.
OTHER_CASE_SHARE = 0.5
SAME_CONTENT_SHARE = 0.2

# Shares of the contents that describe a product.
ENTITY_SHARE = 0.2
DOUBLE_ESCAPE_SHARE = 0.01
TYPOGRAPHIC_SHARE = 0.08
TAG_SHARE = 0.025
ESCAPED_TAG_SHARE = 0.015
SPACING_SHARE = 0.03
EMOJI_SHARE = 0.002
COPYRIGHT_SHARE = 0.06
COPYRIGHT_YEARS = (1985, 2012)

# Share of the described products that have editions, which are books and music.
EDITION_NOTE_SHARE = 0.25
# Share of the edition notes with the blanks around the edition lost.
JOINED_NOTE_SHARE = 1 / 30

# Of an ordinary description: share of them up to here, and its length in characters there.
LENGTH_SHARES = (0.0, 0.05, 0.5, 0.95, 0.97, 1.0)
LENGTHS = (25, 62, 280, 800, 1650, 3400)
HUGE_LENGTHS = (20_000, 150_000)  # before entities and tags, which add up to a third
BRIEF_LENGTH = 62  # below it there is no room for a whole sentence on the product

FACT_FIRST_SHARE = 0.15
FACT_FIRST_LENGTH = 150  # below it a fact might stand alone, and nothing name the product
REPEAT_WINDOW = 1024  # titles kept for repeating: bounds the memory
LABEL_COUNT = 1_305_265  # labels of the real file
LINES_PER_WRITE = 1000

_encode = json.JSONEncoder(ensure_ascii=False).encode

Choice = TypeVar("Choice")


def pick(rng: Random, choices: Sequence[Choice]) -> Choice:
    """One of the choices. `Random.choice` may differ between Python versions, this does not."""
    return choices[int(rng.random() * len(choices))]


def rotated(rng: Random, choices: Sequence[Choice]) -> list[Choice]:
    """The choices in their order, from a random one on: varied, and cheaper than a shuffle."""
    start = int(rng.random() * len(choices))
    return [*choices[start:], *choices[:start]]


class Lottery:
    """Draws one of several kinds by its share; the remaining rows are `None`."""

    def __init__(self, shares: dict[str, float]) -> None:
        """Add the shares up, so that one random number decides."""
        self._kinds: tuple[str | None, ...] = (*shares, None)
        self._limits = list(accumulate(shares.values()))

    def draw(self, rng: Random) -> str | None:
        """The kind of the next row."""
        return self._kinds[bisect(self._limits, rng.random())]


_TITLE_KINDS = Lottery(
    {
        "empty": EMPTY_TITLE_SHARE,
        "repeated": REPEATED_TITLE_SHARE,
        "sentinel": SENTINEL_TITLE_SHARE * len(SENTINEL_TITLES),
        "not text": NOT_TEXT_TITLE_SHARE,
    }
)
_CONTENT_KINDS = Lottery(
    {
        "empty": EMPTY_CONTENT_SHARE,
        "title": TITLE_AS_CONTENT_SHARE,
        "short": SHORT_CONTENT_SHARE,
        "edition note": EDITION_NOTE_ONLY_SHARE,
        "huge": HUGE_CONTENT_SHARE,
        "repeated": REPEATED_CONTENT_SHARE,
    }
)
_LINE_KINDS = Lottery(
    {
        "broken": BROKEN_LINE_SHARE,
        "empty": EMPTY_LINE_SHARE,
        "not object": NOT_OBJECT_SHARE,
        "missing content": MISSING_CONTENT_SHARE,
        "not text": NOT_TEXT_CONTENT_SHARE,
    }
)
_SPELLINGS = Lottery(
    {
        "entity": ENTITY_SHARE,
        "double": DOUBLE_ESCAPE_SHARE,
        "typographic": TYPOGRAPHIC_SHARE,
    }
)
_MARKUPS = Lottery({"tags": TAG_SHARE, "escaped tags": ESCAPED_TAG_SHARE})


# --- Products: the title, and the sentences that follow from it ---


@dataclass(frozen=True, slots=True)
class Listing:
    """One product on sale: the choice made for every slot of its title."""

    category: Category
    product: Product
    layout: Layout
    traits: tuple[Trait, ...]
    spellings: dict[str, str]
    title: str


@cache
def slots_of(pattern: str) -> tuple[str, ...]:
    """The slots that a title pattern names."""
    return tuple(name.lower() for _, name, _, _ in Formatter().parse(pattern) if name)


_ARTICLES = frozenset(["a", "an", "the"])
_JOINING_WORDS = frozenset(["and", "by", "for", "from", "in", "of", "on", "to", "with"])
_UNITS = frozenset(["cm", "g", "kg", "km", "m", "ml", "mm"])
_LOWER_IN_TITLES = _ARTICLES | _JOINING_WORDS | _UNITS


def title_case(text: str) -> str:
    """The text as a title spells it: `str.title` would also write "Cm" and "With"."""
    first, *others = text.split(" ")
    kept = first in _JOINING_WORDS
    spelled = [word if word in _LOWER_IN_TITLES else word[0].upper() + word[1:] for word in others]
    return " ".join([first if kept else first[0].upper() + first[1:], *spelled])


_VOWEL_SOUND = re.compile(r"[aeioAEIO]|u(?!ni|se)|8|1[18]\b|LP|MP3")


@cache
def with_article(words: str) -> str:
    """Words with "a" or "an", by the sound of their beginning."""
    return ("an " if _VOWEL_SOUND.match(words) else "a ") + words


@cache
def spellings_of(slot: str, words: str) -> dict[str, str]:
    """What patterns may write for a slot; the vocabulary is finite, hence the cache."""
    return {
        slot: words,
        slot.capitalize(): title_case(words),
        "a_" + slot: with_article(words),
    }


def draw_listing(rng: Random, category: Category) -> Listing:
    """A random product of the category."""
    product = pick(rng, category.products)
    layout = pick(rng, product.layouts)
    slots = slots_of(layout.title)
    traits = tuple(pick(rng, product.slots[slot]) for slot in slots)
    spellings: dict[str, str] = {}
    for slot, trait in zip(slots, traits, strict=True):
        spellings.update(spellings_of(slot, trait.words))
    title = layout.title.format_map(spellings)
    title = title[0].upper() + title[1:]
    return Listing(category, product, layout, traits, spellings, title)


def say(listing: Listing, pattern: str) -> str:
    """The pattern as a sentence about the product."""
    sentence = pattern.format_map(listing.spellings)
    return sentence[0].upper() + sentence[1:]


def patterns_for(rng: Random, listing: Listing, *, fact_first: bool) -> list[str]:
    """All there is to say about a product: the title's own points among those of its type."""
    notes = [pick(rng, trait.notes) for trait in listing.traits if trait.notes]
    points = zip_longest(rotated(rng, notes), rotated(rng, listing.product.facts))
    patterns = [pick(rng, listing.layout.openings)]
    patterns += [pattern for pair in points for pattern in pair if pattern]
    if fact_first:
        patterns[0], patterns[1] = patterns[1], patterns[0]
    return patterns + rotated(rng, listing.category.remarks)


def draw_length(rng: Random) -> float:
    """A length for an ordinary description, between the named points of its distribution."""
    share = rng.random()
    upper = bisect(LENGTH_SHARES, share)
    start, end = LENGTH_SHARES[upper - 1 : upper + 1]
    shortest, longest = LENGTHS[upper - 1 : upper + 1]
    return shortest + (longest - shortest) * (share - start) / (end - start)


def describe(rng: Random, listing: Listing, length: float) -> list[str]:
    """Sentences of about that length together; long ones go on to related products."""
    if length < BRIEF_LENGTH:
        return [say(listing, pick(rng, listing.layout.briefs))]
    fact_first = length > FACT_FIRST_LENGTH and rng.random() < FACT_FIRST_SHARE
    sentences: list[str] = []
    missing = length
    while missing > 0:
        for pattern in patterns_for(rng, listing, fact_first=fact_first):
            sentences.append(say(listing, pattern))
            missing -= len(sentences[-1]) + 1
            # Half a sentence too much is as far off as half a sentence too little.
            if missing < len(sentences[-1]) / 2:
                return sentences
        listing = draw_listing(rng, listing.category)
        sentences.append(f"See also: {listing.title}.")
    return sentences


# --- Dirt of titles and contents ---


def respell(text: str, spelling: Spelling) -> str:
    """The text with its special characters written the given way."""
    for character, written in spelling.characters.items():
        text = text.replace(character, written)
    quoted = rf"{spelling.opening_quote}\1{spelling.closing_quote}"
    return re.sub(r'"([^"]*)"', quoted, text) if '"' in text else text


def with_entities(text: str, spelling: Spelling) -> str:
    """The text in entities; a fixed blank where there is nothing else to write as one."""
    written = re.sub(r"(\d) (?=[a-z])", r"\1&#160;", respell(text, spelling), count=1)
    return text.replace(" ", "&#160;", 1) if written == text else written


def with_spelling(rng: Random, text: str) -> str:
    """The text as one of several sources of pages would write it."""
    kind = _SPELLINGS.draw(rng)
    if kind == "entity":
        return with_entities(text, pick(rng, ENTITY_SPELLINGS))
    if kind == "double":
        return respell(text, DOUBLE_SPELLING)
    return respell(text, TYPOGRAPHIC_SPELLING) if kind == "typographic" else text


def _breaks(sentences: list[str]) -> str:
    return "<br>".join(sentences)


def _closed_breaks(sentences: list[str]) -> str:
    return "<br /><br />".join(sentences)


def _paragraphs(sentences: list[str]) -> str:
    return "".join(f"<p>{sentence}</p>" for sentence in sentences)


def _bold_start(sentences: list[str]) -> str:
    return " ".join([f"<b>{sentences[0]}</b>", *sentences[1:]])


def _list_items(sentences: list[str]) -> str:
    items = "".join(f"<li>{sentence}</li>" for sentence in sentences[1:])
    return f"{sentences[0]}<ul>{items}</ul>"


_MARKUP_STYLES: tuple[Callable[[list[str]], str], ...] = (
    _breaks,
    _closed_breaks,
    _paragraphs,
    _bold_start,
    _list_items,
)


def with_markup(rng: Random, sentences: list[str]) -> str:
    """The sentences as one spelled text, some of it with tags or with tags shown as text."""
    kind = _MARKUPS.draw(rng)
    if kind is None:
        return with_spelling(rng, " ".join(sentences))
    text = with_spelling(rng, pick(rng, _MARKUP_STYLES)(sentences))
    return text.replace("<", "&lt;").replace(">", "&gt;") if kind == "escaped tags" else text


_SPACINGS: tuple[Callable[[str], str], ...] = (
    lambda text: text + "\n",
    lambda text: "\n" + text,
    lambda text: text + "  \n\n",
    lambda text: text.replace(" ", "  ", 2),
    lambda text: text.replace(" ", "\t", 1),
    lambda text: "\t" + text,
    lambda text: text.replace(". ", ".\n"),
)


def with_spacing(rng: Random, text: str, share: float) -> str:
    """The text, in that share of cases with stray blanks, tabs or line ends."""
    return pick(rng, _SPACINGS)(text) if rng.random() < share else text


_CASES: tuple[Callable[[str], str], ...] = (str.upper, str.lower, str.title)


def edition_note(rng: Random, category: Category) -> str:
    """The boilerplate of shops that share one text among editions; any category may have it."""
    edition = pick(rng, category.editions or ("Hardcover", "Paperback"))
    note = pick(rng, EDITION_NOTES).format(edition=edition)
    if rng.random() < JOINED_NOTE_SHARE:
        note = note.replace(f" {edition} ", edition)
    return note


def description(rng: Random, listing: Listing, length: float) -> str:
    """A description of about that length, as found on a page."""
    sentences = describe(rng, listing, length)
    if rng.random() < EMOJI_SHARE:
        sentences.append(pick(rng, EMOJI))
    if rng.random() < COPYRIGHT_SHARE:
        sentences.append(copyright_line(rng))
    if listing.category.editions and rng.random() < EDITION_NOTE_SHARE:
        sentences[-1] += NOTE_GLUE + edition_note(rng, listing.category)
    return with_spacing(rng, with_markup(rng, sentences), SPACING_SHARE)


def copyright_line(rng: Random) -> str:
    """The line with which a publisher ends a text that it lends to shops."""
    first, last = COPYRIGHT_YEARS
    year = first + int(rng.random() * (last - first + 1))
    return pick(rng, COPYRIGHT_LINES).format(year=year)


def title_as_content(rng: Random, listing: Listing) -> str:
    """The title once more, at times in other case or with a trailing blank."""
    title = pick(rng, _CASES)(listing.title) if rng.random() < OTHER_CASE_SHARE else listing.title
    return title + pick(rng, ("", "", " ", "\n"))


def short_content(rng: Random, listing: Listing) -> str:
    """One or two words: the product type, or what sellers write when they write nothing."""
    name = listing.product.name.capitalize()
    return name if rng.random() < 0.5 else pick(rng, SHORT_CONTENTS)


def draw_content(rng: Random, listing: Listing, earlier: Sequence[tuple[Listing, str]]) -> str:
    """The content of a row that sells the listing; at times one that sold another."""
    match _CONTENT_KINDS.draw(rng):
        case "repeated" if earlier:
            return pick(rng, earlier)[1] or description(rng, listing, draw_length(rng))
        case "empty":
            return ""
        case "title" | "short" as kind:
            return (title_as_content if kind == "title" else short_content)(rng, listing)
        case "edition note":
            return edition_note(rng, listing.category)
        case "huge":
            shortest, longest = HUGE_LENGTHS
            return description(rng, listing, shortest + (longest - shortest) * rng.random())
        case _:
            return description(rng, listing, draw_length(rng))


def dirty_title(rng: Random, title: str) -> str:
    """The title as found on a page."""
    if rng.random() < TITLE_ENTITY_SHARE:
        title = respell(title, pick(rng, ENTITY_SPELLINGS))
    return with_spacing(rng, title, TITLE_SPACING_SHARE)


# --- Rows and lines ---


Title = str | int | float | None


class RowSource:
    """Draws titles with their contents, and remembers recent ones in order to repeat them."""

    def __init__(self, rng: Random) -> None:
        """Start with nothing to repeat."""
        self._rng = rng
        self._recent: list[tuple[Listing, str]] = []
        self._oldest = 0

    def next_row(self) -> tuple[Title, str]:
        """The title and the content of the next row."""
        kind = _TITLE_KINDS.draw(self._rng)
        if kind == "repeated" and self._recent:
            return self._repeated_row()
        listing = draw_listing(self._rng, pick(self._rng, CATEGORIES))
        if kind == "sentinel":
            content = description(self._rng, listing, draw_length(self._rng))
            return pick(self._rng, SENTINEL_TITLES), content
        content = draw_content(self._rng, listing, self._recent)
        if kind == "not text":
            return pick(self._rng, NOT_TEXT_TITLES), content
        if kind == "empty":
            return "", content
        self._remember(listing, content)
        return dirty_title(self._rng, listing.title), content

    def _repeated_row(self) -> tuple[Title, str]:
        listing, content = pick(self._rng, self._recent)
        title = listing.title
        if self._rng.random() < OTHER_CASE_SHARE:
            title = pick(self._rng, _CASES)(title)
        if self._rng.random() < SAME_CONTENT_SHARE:
            return title, content
        return title, draw_content(self._rng, listing, self._recent)

    def _remember(self, listing: Listing, content: str) -> None:
        if len(self._recent) < REPEAT_WINDOW:
            self._recent.append((listing, content))
            return
        self._recent[self._oldest] = (listing, content)
        self._oldest = (self._oldest + 1) % REPEAT_WINDOW


def draw_labels(rng: Random) -> dict[str, list[int] | list[float]]:
    """Labels with their relevance, as the real file has them; Tuneline ignores them."""
    count = 1 + int(rng.random() * 6)
    return {
        "target_ind": [int(rng.random() * LABEL_COUNT) for _ in range(count)],
        "target_rel": [1.0] * count,
    }


def _cut(rng: Random, line: str) -> str:
    return line[: 1 + int(rng.random() * (len(line) - 1))]


def _without_quote(_rng: Random, line: str) -> str:
    return line.replace('"title"', 'title"', 1)


def _bare_word(rng: Random, _line: str) -> str:
    return pick(rng, BARE_WORDS)


_BREAKAGES: tuple[Callable[[Random, str], str], ...] = (_cut, _without_quote, _bare_word)


def make_line(rng: Random, number: int, title: Title, content: str) -> str:
    """The row as a line of the file, rarely one that is broken or is no row at all."""
    # Like an ISBN: ten characters, leading zeros, unique.
    row: dict[str, object] = {
        "uid": f"{31852 + 37 * number:010d}",
        "title": title,
        "content": content,
        **draw_labels(rng),
    }
    match _LINE_KINDS.draw(rng):
        case "empty":
            return ""
        case "not object":
            return pick(rng, NOT_OBJECT_LINES)
        case "missing content":
            del row["content"]
        case "not text":
            row["content"] = pick(rng, ([content], {"text": content}))
        case "broken":
            return pick(rng, _BREAKAGES)(rng, _encode(row))
    return _encode(row)


def generate_lines(rows: int, seed: int = DEFAULT_SEED) -> Iterator[str]:
    """The lines of a file of that many rows, one by one, without line ends."""
    rng = Random(seed)
    source = RowSource(rng)
    for number in range(rows):
        title, content = source.next_row()
        yield make_line(rng, number, title, content)


def write_gz(path: Path, rows: int, seed: int = DEFAULT_SEED) -> None:
    """Write the rows as a gz file whose bytes name neither the time nor the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = generate_lines(rows, seed)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed,
    ):
        while batch := list(islice(lines, LINES_PER_WRITE)):
            packed.write("".join(f"{line}\n" for line in batch).encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a sample file, as told on the command line."""
    parser = argparse.ArgumentParser(description="Write made-up product descriptions.")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    write_gz(options.out, options.rows, options.seed)
    LOGGER.info("Wrote %d rows to %s", options.rows, options.out)


if __name__ == "__main__":
    main()

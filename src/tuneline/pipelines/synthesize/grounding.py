"""Whether a text rests on another: its numbers, names, addresses and quotations are found there.

What is said in other words is not looked at; that is for a judge. Nor are numbers that are written
as words, a name of one word at the beginning of a sentence, and names in scripts without capitals.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import regex

from tuneline.utils.text import ACCENTS

# Digits with what may be inside of a number: 1,500 and 1.500,50 and 1 500 and 12.5.2024.
NUMBER = regex.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,'\u2019]\d+)*")
GROUPED = regex.compile(r"(?<=\d)[.,'\u2019 \u00a0\u202f](?=\d{3}(?!\d))")
# The number of an item, at the beginning of a line.
LISTED = regex.compile(r"^\s*\(?\d{1,2}[.)]\s+", regex.MULTILINE)
# Words of letters that have capitals; next to them there may be others, with no space between.
WORD = regex.compile(
    r"(?<![\p{LC}\p{M}\p{N}])\p{LC}[\p{LC}\p{M}\p{N}]*(?:['\u2019-][\p{LC}\p{M}\p{N}]+)*"
)
CASED = regex.compile(r"[\p{LC}\p{M}\p{N}]+")
SHORT_FORM = regex.compile(r"['\u2019]\p{L}{1,2}$")  # 's, 'll
# What is before the first word of a sentence.
BEGINS = regex.compile(
    r"(?:^|[.!?:\u2026\u3002\uff01\uff1f\n\u2022*|>#]|[-\u2013\u2014] )[\s\p{Ps}\p{Pi}\"'„*_]*\Z"
)
ADDRESS = regex.compile(r"https?://[^\s)\]>,;]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
QUOTATIONS = regex.compile(
    r"\u201c([^\u201c\u201d]+)\u201d|\u201e([^\u201c\u201d\u201e]+)[\u201c\u201d]"
    r"|\u00ab([^\u00ab\u00bb]+)\u00bb|\u300c([^\u300c\u300d]+)\u300d|\u300e([^\u300e\u300f]+)\u300f"
    r'|(?<![\p{L}\p{N}])"([^"\n]+)"(?![\p{L}\p{N}])'
)
# Languages whose nouns all begin with a capital letter.
CAPITALIZING = {"de", "lb"}
# Languages whose names have no endings but that of the possessive or the plural.
UNINFLECTED = {"en", "fr", "es", "it", "pt", "nl", "ca", "gl", "da", "sv", "no", "nb", "nn", "id"}
LEAST_LETTERS = 3
# Letters that the ending of a name may add, and that it may replace.
ADDED, REPLACED = 3, 2


@lru_cache(maxsize=64)
def fold(text: str) -> str:
    """Fold letter case, accents and typographic variants; words have one space between."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    folded = unicodedata.normalize("NFKC", ACCENTS.sub("", plain))
    return " ".join(regex.findall(r"[\p{L}\p{N}\p{M}]+", folded))


def quotes(source: str, words: str) -> bool:
    """Tell whether words are in a source, one after the other, whatever is between them."""
    said, known = fold(words), fold(source)
    if not said:
        return False
    return f" {said} " in f" {known} " or (not said.isascii() and " " not in said and said in known)


def find_invention(text: str, source: str, language: str) -> str | None:
    """Find the first number, name, address or quotation that a text states and its source does not.

    The language is the source's, as an ISO 639-1 code; empty if it is not known.
    """
    for kind, found in (
        ("number", _find_number(text, source)),
        ("address", _find_address(text, source)),
        ("quotation", _find_quotation(text, source)),
        ("name", None if language in CAPITALIZING else _find_name(text, source, language)),
    ):
        if found:
            return f"it invents the {kind} `{found}`"
    return None


def _find_number(text: str, source: str) -> str | None:
    known = _list_numbers(source)
    for match in NUMBER.finditer(LISTED.sub("", unicodedata.normalize("NFKC", text))):
        parts = set(regex.findall(r"\d+", match[0]))
        is_date = len(parts) > 2 and parts <= known
        if _read_number(match[0]) not in known and not is_date:
            return str(match[0])
    return None


@lru_cache(maxsize=64)
def _list_numbers(source: str) -> set[str]:
    """List the numbers of a source, and the parts of those that may be dates."""
    found = [match[0] for match in NUMBER.finditer(unicodedata.normalize("NFKC", source))]
    parts = (regex.findall(r"\d+", one) for one in found)
    dates = {str(int(part)) for several in parts if len(several) > 2 for part in several}
    return {_read_number(one) for one in found} | dates


def _read_number(written: str) -> str:
    """Write a number in one way: no separators of thousands, a point, no zeros around."""
    if len(regex.findall(r"\d+", written)) > 2 and not GROUPED.search(written):
        return written
    plain = GROUPED.sub("", written).replace(",", ".")
    whole, _, decimals = plain.partition(".")
    decimals = decimals.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{decimals}" if decimals else whole


def _find_address(text: str, source: str) -> str | None:
    known = source.casefold()
    found = (match[0].rstrip(".") for match in ADDRESS.finditer(text))
    return next((one for one in found if one.casefold() not in known), None)


def _find_quotation(text: str, source: str) -> str | None:
    said = (next(filter(None, match.groups())) for match in QUOTATIONS.finditer(text))
    return next((one for one in said if fold(one) and not quotes(source, one)), None)


def _find_name(text: str, source: str, language: str) -> str | None:
    known = _list_words(source)
    for name in _list_names(ADDRESS.sub(" ", text)):
        for word in fold(SHORT_FORM.sub("", name)).split():
            if len(word) > 1 and not _is_known(word, known, language):
                return name
    return None


@lru_cache(maxsize=64)
def _list_words(source: str) -> dict[str, list[str]]:
    """List the words of a source by their first letters."""
    words: dict[str, list[str]] = {}
    folded = fold(source)
    for word in {*folded.split(), *CASED.findall(folded)}:
        words.setdefault(word[:LEAST_LETTERS], []).append(word)
    return words


def _list_names(text: str) -> Iterator[str]:
    """List words with a capital letter where no sentence begins, or inside of them."""
    for match in WORD.finditer(text):
        word = match[0]
        inner = any(letter.isupper() for letter in word[1:])
        if inner or (word[0].isupper() and not BEGINS.search(text[: match.start()][-40:])):
            yield word


def _is_known(word: str, known: dict[str, list[str]], language: str) -> bool:
    """Tell whether a word is in a source, in another of its forms if the language has some."""
    others = known.get(word[:LEAST_LETTERS], [])
    if word in others:
        return True
    if language in UNINFLECTED:
        forms = {word.removesuffix("s"), word.removesuffix("es"), f"{word}s", f"{word}es"}
        return any(one in known.get(one[:LEAST_LETTERS], []) for one in forms)
    return any(_is_form(word, other) for other in others)


def _is_form(word: str, other: str) -> bool:
    shared = next(
        (place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b),
        min(len(word), len(other)),
    )
    ends = sorted((len(word) - shared, len(other) - shared))
    return shared >= LEAST_LETTERS and ends[0] <= REPLACED and ends[1] <= ADDED

"""Slips of the tongue by rule: two sounds of a word change places, then comes the right word."""

import re

from tuneline.pipelines.synthesise.choosing import choose

VOWELS = "aáeéěiíoóuúůyý"
# Consonants, vowels, consonants, and the rest from its vowel on: the two clusters change places.
SYLLABLES = re.compile(rf"([^\W\d_{VOWELS}]+)([{VOWELS}]+)([^\W\d_{VOWELS}]+)([{VOWELS}]\w+)")
LEAST_LETTERS = 6


def garble(word: str) -> str | None:
    """Let the first two consonant clusters of a word change places.

    Args:
        word: in lower case, such as `lucerna`.

    Returns:
        The slip (`culerna`); none if the word has no two different clusters.
    """
    match = SYLLABLES.fullmatch(word)
    if not match:
        return None
    first, vowel, second, rest = match.groups()
    return None if first == second else second + vowel + first + rest


def slip(text: str, corrections: list[str], *seed: object) -> tuple[str, str] | None:
    """Put a slip of the tongue into a text.

    Args:
        text: the text.
        corrections: what the speaker says before the right word.
        *seed: decides which word slips and how it is corrected.

    Returns:
        The text and the slipped word; none if no word can slip.
    """
    words = [one for one in re.finditer(r"\w+", text) if _can_slip(one.group())]
    if not words:
        return None
    match = choose(words, *seed, "word")
    slipped = str(garble(match.group()))
    correction = choose(corrections, *seed, "correction")
    said = f"{slipped}… {correction} {match.group()}"
    return text[: match.start()] + said + text[match.end() :], slipped


def _can_slip(word: str) -> bool:
    return len(word) >= LEAST_LETTERS and word.islower() and garble(word) is not None

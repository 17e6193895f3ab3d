"""How texts are cut into words, for every metric that counts them."""

import regex

# Scripts that are written without spaces between words: every character counts as a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
WORD = regex.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+", regex.VERSION1)
CHINESE = regex.compile(r"\p{Han}")


def split_words(text: str) -> list[str]:
    """Cut a text into words in small letters; Chinese and the like into characters."""
    return list(WORD.findall(text.lower()))


def is_chinese(text: str) -> bool:
    """Tell whether a text holds Han characters."""
    return CHINESE.search(text) is not None

"""How texts are normalised and cut into words, for every metric that compares them."""

import unicodedata

import regex

# Scripts that are written without spaces between words: every character counts as a word.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
CHINESE = regex.compile(r"\p{Han}")

# What NFKC would take for digits of the number before it: `10³` is not 103, `5½` is not 51/2.
POWER = regex.compile(r"[⁺⁻⁰¹²³⁴-⁹]+")
VULGAR_FRACTION = regex.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
INVISIBLE = regex.compile(r"[\u00ad\u200b\u2060\ufeff\ufe00-\ufe0f]")
SPELT = {">=": "≥", "<=": "≤", "!=": "≠", "+/-": "±", "+-": "±"}
SPELT_SIGN = regex.compile("|".join(map(regex.escape, SPELT)))
# A hyphen or dash that begins a number. Between two numbers, or behind a word, it joins them.
MINUS = regex.compile(
    r"(?<![\p{L}\p{N}\p{M})\]%°.]|\d\s)[-\u2013\u2212\ufe63\uff0d](?=\p{Sc}?\.?\d)"
)
TRUE_MINUS = regex.compile(r"(?<=\s)\u2212(?=\p{Sc}?\.?\d)")

LETTERS = rf"[^\W{UNSPACED}]+"
WORD = regex.compile(
    rf"[{UNSPACED}]"
    rf"|(?:(?<!\w)\u2212)?(?=\d){LETTERS}(?:[.,:/\u2044](?=\d){LETTERS})*"
    rf"|{LETTERS}"
    # Signs and symbols say something; the punctuation of a sentence does not. A hash sign at the
    # beginning of a line is a heading, a backtick marks code.
    r"|[\p{S}--`]|[%‰&@§\u2032\u2033]|(?<=\w)#+|#(?=\w)",
    regex.VERSION1,
)


def normalise(text: str) -> str:
    """Reduce typographic variants of a text to one: NFKC, with the signs of numbers kept.

    A minus that belongs to a number becomes U+2212, whichever dash was typed; `²` becomes `^2`,
    `5½` becomes `5 1/2` (with U+2044), `>=` becomes `≥`; invisible characters go.

    Args:
        text: any text.

    Returns:
        The text in its own letter case.
    """
    text = POWER.sub(r"^\g<0>", VULGAR_FRACTION.sub(" ", INVISIBLE.sub("", text)))
    text = SPELT_SIGN.sub(lambda match: SPELT[match[0]], unicodedata.normalize("NFKC", text))
    return str(TRUE_MINUS.sub("\u2212", MINUS.sub("\u2212", text)))


def split_words(text: str) -> list[str]:
    """Cut a text into words in small letters; Chinese and the like into characters.

    Numbers keep their minus and their decimals; symbols (`≥`, `%`, `€`, `+`, the `#` of `C#`,
    emoji) are words of their own. A text without any word gives its characters.
    """
    folded = normalise(text).casefold()
    return WORD.findall(folded) or [one for one in folded if not one.isspace()]


def is_chinese(text: str) -> bool:
    """Tell whether a text holds Han characters."""
    return CHINESE.search(text) is not None

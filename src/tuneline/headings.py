"""Headings as people and models write them: numbered, marked up, in any letter case."""

import unicodedata
from functools import lru_cache

import regex

TAG = regex.compile(r"</?[A-Za-z][^<>]*>")
# What makes two headings the same; the punctuation and the ornaments around it do not.
KEPT = regex.compile(r"[\p{L}\p{N}\p{Sc}%&+=]|(?<=\p{L})#+(?=\s|$)")
ACCENTS = regex.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic letters; others say more
ORNAMENT = r"[^\p{L}\p{N}]*"
NUMBER = r"\d{1,3}(?:\.\d{1,3})*|[IVXLC]+|[ivxlc]+|\p{L}|[一二三四五六七八九十百]+"
BEHIND = r"[.):\]、]+|\s+[\u2013\u2014-]\s"
NUMBERING = regex.compile(
    rf"^{ORNAMENT}(?:(?:(?:{NUMBER})(?:{BEHIND})|第[\d一二三四五六七八九十百]+[章節节部條条]){ORNAMENT})*"
)
UNDERLINE = regex.compile(r"\s*[=*_~-]{2,}\s*$")
BARE_NUMBER = regex.compile(r"^\d{1,2}(?:\.\d{1,2})*[^\p{L}\p{N}]+")


def is_heading(line: str, heading: str) -> bool:
    """Tell whether a line is a heading and nothing else.

    Numbering (`1.`, `4.1`, `IV)`, `a)`, `一、`, `2` alone), bullets, markup (`##`, `**`, `<h2>`),
    letter case, accents and punctuation may differ; the numbers of the heading itself may not.

    Args:
        line: a line of a text.
        heading: the heading, with or without a numbering of its own.

    Returns:
        Whether it is.
    """
    forms = _list_forms(line)
    return any(form in forms for form in _list_forms(heading)[:2])


def fold_heading(line: str) -> str:
    """Reduce a line to what makes two headings the same: letters and digits, without numbering."""
    return _list_forms(line)[-1]


@lru_cache(maxsize=10_000)
def _list_forms(line: str) -> tuple[str, ...]:
    """List what a line says: as it is, without its numbering, and without a bare number too."""
    plain = UNDERLINE.sub("", unicodedata.normalize("NFKC", TAG.sub(" ", line)))
    unnumbered = NUMBERING.sub("", plain) or plain
    bare = BARE_NUMBER.sub("", unnumbered) or unnumbered
    return tuple(map(_fold, (plain, unnumbered, bare)))


def _fold(text: str) -> str:
    folded = ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return "".join(KEPT.findall(unicodedata.normalize("NFKC", folded))) or text.strip()

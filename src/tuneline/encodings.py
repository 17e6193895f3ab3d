"""Which encoding a text is likely to have."""

import codecs
from collections import Counter

import polars as pl

# A guess from a part of the text is as good, and much sooner there.
GUESS_BYTES = 1 << 14
EXPLAINED_CHARACTERS = 400
# What the first byte of an accented letter in UTF-8 looks like in Windows-1250, 1251 and 1252, with
# something behind it that is not ASCII either. ftfy then tells mojibake from honest text.
MOJIBAKE = r"[ÂÃÄÅĂĹâÐÑРС][^\x00-\x7f]"
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def guess_encoding(text: bytes) -> str | None:
    """Guess the encoding of a text that is not UTF-8; None if nothing fits."""
    marked = next((name for mark, name in MARKS.items() if text.startswith(mark)), None)
    if marked:
        return marked
    from charset_normalizer import from_bytes

    best = from_bytes(text[:GUESS_BYTES]).best()
    return best.encoding if best else None


def find_mojibake(texts: pl.Series) -> Counter[str]:
    """Find texts whose UTF-8 was once read in another encoding, such as `cafÃ©`.

    Args:
        texts: any texts.

    Returns:
        How many they are, by the encoding in which they were probably read.
    """
    suspects = texts.filter(texts.str.len_bytes() != texts.str.len_chars())
    suspects = suspects.filter(suspects.str.contains(MOJIBAKE))
    found: Counter[str] = Counter()
    if suspects.is_empty():
        return found
    import ftfy

    for text in suspects.str.slice(0, EXPLAINED_CHARACTERS):
        steps = ftfy.fix_and_explain(text).explanation or []
        found.update(step.parameter for step in steps[:1] if step.action == "encode")
    return found

"""The form in which two texts are the same that say the same: their words."""

from collections.abc import Sequence

import polars as pl

from tuneline.utils.text import ACCENTS, UNSPACED

COMPARED_WORD = rf"[{UNSPACED}]|[[\p{{L}}\p{{N}}\p{{M}}]--[{UNSPACED}]]+"


def normalize_words(texts: Sequence[str | None] | pl.Series) -> pl.Series:
    """Reduce texts to what makes two of them say the same: their words.

    Letter case, punctuation, white space, accents and typographic variants (`ﬁ`, `½`, full width)
    fall away, so that a copy is found that was typed without them.

    Returns:
        Their words with single spaces between; of a text without any word, the text itself. Null
        stays null.
    """
    raw = pl.Series("text", texts, pl.String)
    plain = pl.col("text").str.to_lowercase().str.normalize("NFKD")
    folded = plain.str.replace_all(ACCENTS.pattern, "").str.normalize("NFKC")
    words = folded.str.extract_all(COMPARED_WORD).list.join(" ")
    form = pl.when(words == "").then(pl.col("text").str.strip_chars()).otherwise(words)
    return raw.to_frame().select(form).to_series()

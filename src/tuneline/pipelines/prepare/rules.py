"""The cleaning rules: what changes a text, and what drops a row.

Rules that change text run in a fixed order, again and again until a pass changes nothing, because
files hold entities inside entities and tags behind entities. So cleaning clean text changes
nothing.
"""

import html
import re
from collections.abc import Callable

import polars as pl

from tuneline.parameters import Data, Rules

# A character reference that ends in a semicolon. HTML also allows some without it, but there
# `&copy` may just as well be part of a web address.
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Only names that HTML knows, so that `a < b` and `<3` stay as they are.
BLOCK_TAG = (
    r"(?i)</?(?:address|article|aside|blockquote|body|br|center|dd|div|dl|dt|figure|footer|form|h[1-6]"
    r"|head|header|hr|html|li|main|nav|ol|p|pre|section|table|tbody|td|th|thead|tr|ul)(?:\s[^<>]*)?/?>"
)
INLINE_TAG = (
    r"(?i)</?(?:a|abbr|acronym|b|big|cite|code|em|font|i|img|ins|del|kbd|mark|q|s|small|span|strike"
    r"|strong|sub|sup|tt|u|var)(?:\s[^<>]*)?/?>"
)
# What never was text: comments, scripts, style sheets.
HIDDEN = r"(?is)<!--.*?-->|<script\b[^>]*>.*?</script\s*>|<style\b[^>]*>.*?</style\s*>"
# Control characters, zero-width spaces and byte order marks. Joiners stay: emoji and some scripts
# need them.
INVISIBLE = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff]"
# What a text must hold for any of these rules to change it; looking for it is far faster.
DIRT = r"[&<]|\s\s|^\s|\s$|[^\x20-\x7e]"
# Deeper than anything nests in a real file; what never comes to rest must not stop a run.
MAX_PASSES = 100


def decode_entities(text: pl.Expr) -> pl.Expr:
    """Turn `&mdash;`, `&#8217;`, `&#x92;` (Windows-1252, as browsers read it) into characters."""
    return text.map_batches(_decode_series, return_dtype=pl.String)


def strip_tags(text: pl.Expr) -> pl.Expr:
    """Remove HTML tags, comments and scripts; block tags leave a space, as they break the line."""
    text = text.str.replace_all(HIDDEN, "").str.replace_all(BLOCK_TAG, " ")
    return text.str.replace_all(INLINE_TAG, "")


def normalise_unicode(text: pl.Expr) -> pl.Expr:
    """Compose accents (NFC) and remove invisible control characters."""
    return text.str.normalize("NFC").str.replace_all(INVISIBLE, "")


def normalise_spaces(text: pl.Expr) -> pl.Expr:
    """Make one space of any white space, none at the ends."""
    return text.str.replace_all(r"\s+", " ").str.strip_chars()


def remove_boilerplate(text: pl.Expr, patterns: list[str]) -> pl.Expr:
    """Remove the sentences that the patterns describe."""
    for pattern in patterns:
        text = text.str.replace_all(pattern, " ")
    return text


def clean_texts(batch: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Apply the rules that change text to every text column.

    Args:
        batch: rows as a `RowSource` gives them.
        data: columns and rules.

    Returns:
        The rows with clean columns, and `only_boilerplate`: whether a column held nothing else.
    """
    emptied = pl.lit(value=False)
    columns: dict[str, pl.Series] = {}
    for column in data.columns:
        plain = _until_stable(batch[column].fill_null(""), DIRT, lambda t: _tidy(t, data.rules))
        clean = _cut(plain, data.rules)
        columns[column] = clean
        emptied = emptied | pl.Series((plain != "") & (clean == ""))
    return batch.with_columns(**columns, only_boilerplate=emptied)


def find_reasons(table: pl.DataFrame, data: Data) -> pl.DataFrame:
    """Say of each row why it is dropped.

    Args:
        table: rows with clean columns.
        data: columns and rules.

    Returns:
        The rows with `reason`: the first that applies, null for rows to keep.
    """
    reasons = [
        pl.when(pl.col("problem").is_not_null()).then("problem"),
        pl.when(pl.col("only_boilerplate")).then(pl.lit("only boilerplate")),
        *(_when(pl.col(name) == "", f"{name} is empty") for name in data.columns),
        *_equal_columns(data),
        *(
            _when(pl.col(name).str.count_matches(r"\S+") < least, f"{name} is too short")
            for name, least in data.rules.min_words.items()
        ),
        *(
            _when(pl.col(name).str.len_chars() > most, f"{name} is too long")
            for name, most in data.rules.max_characters.items()
        ),
        *_symbols_only(data),
    ]
    return table.with_columns(reason=pl.coalesce(reasons))


def find_repetitions(table: pl.DataFrame, column: str | None, seen: set[int]) -> pl.DataFrame:
    """Mark rows whose text in a column stood in a kept row before, in any letter case.

    Args:
        table: rows with `reason`.
        column: the column that must not repeat; `None` for no such rule.
        seen: 64-bit hashes of the texts of earlier batches; grows. Two different texts share one
            with a probability of about 1 in 10^7 for two million rows.

    Returns:
        The rows with `reason` filled for the repetitions.
    """
    if column is None:
        return table
    kept = pl.col("reason").is_null()
    # Only texts of kept rows count: a title whose first row was dropped may still come.
    table = table.with_columns(key=pl.col(column).str.to_lowercase().hash())
    first = pl.int_range(pl.len()).over("key", kept) == 0
    known = pl.Series([key in seen for key in table["key"]], dtype=pl.Boolean)
    table = table.with_columns(
        reason=pl.when(kept & (known | ~first))
        .then(pl.lit(f"{column} is repeated"))
        .otherwise("reason")
    )
    seen.update(table.filter(pl.col("reason").is_null())["key"])
    return table.drop("key")


def _tidy(text: pl.Expr, rules: Rules) -> pl.Expr:
    steps: list[tuple[bool, Callable[[pl.Expr], pl.Expr]]] = [
        (rules.decode_entities, decode_entities),
        (rules.strip_tags, strip_tags),
        (rules.normalise_unicode, normalise_unicode),
        (rules.normalise_spaces, normalise_spaces),
    ]
    for wanted, step in steps:
        text = step(text) if wanted else text
    return text


def _cut(texts: pl.Series, rules: Rules) -> pl.Series:
    if not rules.boilerplate:
        return texts
    sign = "|".join(f"(?:{pattern})" for pattern in rules.boilerplate)
    return _until_stable(
        texts, sign, lambda text: _tidy(remove_boilerplate(text, rules.boilerplate), rules)
    )


def _until_stable(texts: pl.Series, sign: str, step: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Repeat a step, first on the rows that bear its sign, then on those that it still changes."""
    changing = texts.str.contains(sign).arg_true()
    texts = texts.clone()  # scatter works in place, and the caller compares with the original
    for _ in range(MAX_PASSES):
        before = texts.gather(changing)
        after = before.to_frame("text").select(step(pl.col("text")))["text"]
        moved = before != after
        if not moved.any():
            break
        changing, after = changing.filter(moved), after.filter(moved)
        texts = texts.scatter(changing, after)
    return texts


def _decode_series(texts: pl.Series) -> pl.Series:
    return pl.Series(
        [ENTITY.sub(lambda match: html.unescape(match.group()), text) for text in texts],
        dtype=pl.String,
    )


def _when(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(condition).then(pl.lit(reason))


def _equal_columns(data: Data) -> list[pl.Expr]:
    if not data.rules.drop_equal or len(data.columns) < 2:
        return []
    first, *others = (pl.col(name).str.to_lowercase() for name in data.columns)
    equal = pl.all_horizontal(first == other for other in others)
    return [_when(equal, f"{' and '.join(data.columns)} are equal")]


def _symbols_only(data: Data) -> list[pl.Expr]:
    if not data.rules.drop_symbols:
        return []
    text = r"[\p{L}\p{N}]"
    return [
        _when(~pl.col(name).str.contains(text), f"{name} has no letter and no number")
        for name in data.columns
    ]

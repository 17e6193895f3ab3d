"""The cleaning rules that change a text.

They run in a fixed order, again and again until a pass changes nothing, because files hold entities
inside entities and tags behind entities. So cleaning clean text changes nothing.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tuneline.parameters import Rules

# A character reference that ends in a semicolon. HTML also allows some without it, but there
# `&copy` may just as well be part of a web address.
ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
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
# What NFC may change: marks, which combine, and the blocks of the letters that it replaces. All
# else is composed already, and composing is slow.
COMPOSABLE = (
    r"[\p{M}\u0374\u037e\u0387\u0900-\u0fff\u1100-\u11ff\u1f00-\u1fff\u2000\u2001\u2126\u212a\u212b"
    r"\u2329\u232a\u2adc\uf900-\ufaff\ufb1d-\ufb4f\U0001d15e-\U0001d1c0\U0002f800-\U0002fa1f]"
)
# Deeper than anything nests in a real file; what never comes to rest must not stop a run.
MAX_PASSES = 100


@dataclass(frozen=True)
class TextRule:
    """A rule that changes texts.

    Attributes:
        name: its switch in the YAML.
        sign: pattern of what a text must hold for the rule to change it; looking for it is far
            faster than the rule.
        apply: gives the changed texts.
    """

    name: str
    sign: str
    apply: Callable[[pl.Series], pl.Series]


@dataclass(frozen=True)
class Change:
    """What one rule did to some texts in one step.

    Attributes:
        rule: the rule's name.
        rows: which rows it changed.
        before: their texts.
        after: the texts as the rule left them.
    """

    rule: str
    rows: pl.Series
    before: pl.Series
    after: pl.Series


def decode_entities(texts: pl.Series) -> pl.Series:
    """Turn `&mdash;`, `&#8217;`, `&#x92;` (Windows-1252, as browsers read it) into characters."""
    found = texts.str.extract_all(ENTITY).explode().unique().drop_nulls().to_list()
    decoded = {reference: html.unescape(reference) for reference in found}
    # A reference holds one `&`, at its start, so that no two of them overlap.
    return texts.str.replace_many(decoded) if decoded else texts


def strip_tags(texts: pl.Series) -> pl.Series:
    """Remove HTML tags, comments and scripts; block tags leave a space, as they break the line."""
    texts = texts.str.replace_all(HIDDEN, "").str.replace_all(BLOCK_TAG, " ")
    return texts.str.replace_all(INLINE_TAG, "")


def normalise_unicode(texts: pl.Series) -> pl.Series:
    """Compose accents (NFC) and remove invisible control characters."""
    return texts.str.normalize("NFC").str.replace_all(INVISIBLE, "")


def normalise_spaces(texts: pl.Series) -> pl.Series:
    """Make one space of any white space, none at the ends."""
    # `\s+` would also replace every single space by itself, seven times as slowly.
    return texts.str.replace_all(r"\s\s+|[\s--\x20]", " ").str.strip_chars()


def remove_boilerplate(texts: pl.Series, patterns: list[str]) -> pl.Series:
    """Remove the sentences that the patterns describe."""
    for pattern in patterns:
        texts = texts.str.replace_all(pattern, " ")
    return texts


# In the order in which they run: decoding brings tags to light, and tags leave spaces behind.
TIDYING = (
    TextRule("decode_entities", ENTITY, decode_entities),
    TextRule("strip_tags", "<[A-Za-z/!]", strip_tags),
    TextRule("normalise_unicode", f"{INVISIBLE}|{COMPOSABLE}", normalise_unicode),
    TextRule("normalise_spaces", r"^\s|\s$|\s\s|[\s--\x20]", normalise_spaces),
)
BOILERPLATE = "boilerplate"
TEXT_RULES = (*(rule.name for rule in TIDYING), BOILERPLATE)


def tidy_texts(texts: pl.Series, rules: Rules, changes: list[Change]) -> pl.Series:
    """Decode, strip and normalise, as far as the switches say.

    Args:
        texts: one column.
        rules: the switches.
        changes: grows by what each rule did.

    Returns:
        The texts, at rest.
    """
    steps = _list_tidying(rules)
    return _settle(texts, _join([step.sign for step in steps]), steps, changes) if steps else texts


def cut_boilerplate(texts: pl.Series, rules: Rules, changes: list[Change]) -> pl.Series:
    """Remove boilerplate from tidy texts, and tidy again what it leaves.

    Args:
        texts: one column of tidy texts.
        rules: the patterns, and the switches of the other rules.
        changes: grows by what each rule did.

    Returns:
        The texts, at rest.
    """
    if not rules.boilerplate:
        return texts
    sign = _join(rules.boilerplate)
    cut = TextRule(BOILERPLATE, sign, lambda texts: remove_boilerplate(texts, rules.boilerplate))
    return _settle(texts, sign, [cut, *_list_tidying(rules)], changes)


def _list_tidying(rules: Rules) -> list[TextRule]:
    return [rule for rule in TIDYING if getattr(rules, rule.name)]


def _settle(texts: pl.Series, sign: str, rules: list[TextRule], changes: list[Change]) -> pl.Series:
    """Apply rules in order where a sign shows, again where they changed something and one shows."""
    moving = texts.str.contains(sign).arg_true()
    if moving.is_empty():
        return texts
    texts = texts.clone()  # scatter works in place
    before, any_sign = texts.gather(moving), _join([rule.sign for rule in rules])
    for _ in range(MAX_PASSES):
        after = before
        for rule in rules:
            after = _apply(rule, after, moving, changes)
        moved = before != after
        texts = texts.scatter(moving.filter(moved), after.filter(moved))
        again = moved & after.str.contains(any_sign)
        if not again.any():
            break
        moving, before = moving.filter(again), after.filter(again)
    return texts


def _join(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _apply(rule: TextRule, texts: pl.Series, rows: pl.Series, changes: list[Change]) -> pl.Series:
    bearing = texts.str.contains(rule.sign).arg_true()
    before = texts.gather(bearing)
    after = rule.apply(before)
    moved = before != after
    if not moved.any():
        return texts
    places, before, after = bearing.filter(moved), before.filter(moved), after.filter(moved)
    changes.append(Change(rule.name, rows.gather(places), before, after))
    return texts.clone().scatter(places, after)

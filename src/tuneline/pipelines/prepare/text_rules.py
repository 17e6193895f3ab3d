"""The cleaning rules that change a text; HTML tags may be next to comparisons and placeholders.

A text is read as HTML once: its tags are removed, then its character references decoded, so that
`&lt;br&gt;` is the text `<br>`. With `escaped_twice` this is done again and again until a pass
changes nothing, because some files hold references inside references and tags after references.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_

import polars as pl

from tuneline.parameters import Rules
from tuneline.pipelines.prepare.html_tags import strip_tags
from tuneline.pipelines.prepare.masking import mask_texts
from tuneline.pipelines.prepare.personal_data import SIGN

# A character reference that ends in a semicolon. HTML also allows some without it, but there
# `&copy` may just as well be part of a web address.
ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
# Vertical tab, form feed, next line: they end a line without being a line end of a file.
LINE_BREAKS = r"[\x0b\x0c\x85]"
# Other control characters: separators of fields and records, remains of protocols and terminals.
CONTROL = r"[\x00-\x08\x0e-\x1f\x7f-\x9f]"
# Zero-width spaces and byte order marks. Joiners stay: emoji and some scripts need them.
INVISIBLE = r"[\u200b\u2060\ufeff]"
# Characters of Windows-1252 that were read as ISO 8859-1; browsers read them back.
WINDOWS = {
    chr(code): bytes([code]).decode("cp1252")
    for code in range(0x80, 0xA0)
    if code not in {0x81, 0x85, 0x8D, 0x8F, 0x90, 0x9D}
}
# What NFC may change: marks, which combine, and the blocks of the letters that it replaces. All
# else is composed already, and composing is slow.
COMPOSABLE = (
    r"[\p{M}\u0374\u037e\u0387\u0900-\u0fff\u1100-\u11ff\u1f00-\u1fff\u2000\u2001\u2126\u212a\u212b"
    r"\u2329\u232a\u2adc\uf900-\ufaff\ufb1d-\ufb4f\U0001d15e-\U0001d1c0\U0002f800-\U0002fa1f]"
)
# Deeper than anything nests in a real file; what never comes to rest must not stop a run.
MAX_PASSES = 100
# These two read a text as HTML; the others tidy a text whatever it is.
READING = ("strip_tags", DECODING := "decode_entities")
MASKING = "mask_personal_data"
BOILERPLATE = "boilerplate"


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


def normalize_unicode(texts: pl.Series) -> pl.Series:
    """Compose accents (NFC), make spaces of control characters, remove zero-width spaces."""
    texts = texts.str.replace_many(WINDOWS).str.replace_all(LINE_BREAKS, "\n")
    texts = texts.str.replace_all(CONTROL, " ").str.replace_all(INVISIBLE, "")
    return texts.str.normalize("NFC")


def normalize_spaces(texts: pl.Series) -> pl.Series:
    """Make one space of any white space, none at the ends."""
    # `\s+` would also replace every single space by itself, seven times as slowly.
    return texts.str.replace_all(r"\s\s+|[\s--\x20]", " ").str.strip_chars()


def remove_boilerplate(texts: pl.Series, pattern: str) -> pl.Series:
    """Remove the sentences that a pattern describes."""
    return texts.str.replace_all(pattern, " ")


# In the order in which they run: a decoded reference is text, and tags leave spaces.
TIDYING = (
    TextRule("strip_tags", "<[A-Za-z/!]", strip_tags),
    TextRule("decode_entities", ENTITY, decode_entities),
    TextRule(
        "normalize_unicode",
        f"{LINE_BREAKS}|{CONTROL}|{INVISIBLE}|{COMPOSABLE}",
        normalize_unicode,
    ),
    TextRule("normalize_spaces", r"^\s|\s$|\s\s|[\s--\x20]", normalize_spaces),
    TextRule(MASKING, SIGN, mask_texts),
)
TEXT_RULES = (*(rule.name for rule in TIDYING), BOILERPLATE)


def tidy_texts(texts: pl.Series, rules: Rules, changes: list[Change]) -> pl.Series:
    """Strip, decode and normalize, as far as the switches say.

    Args:
        texts: one column.
        rules: the switches.
        changes: grows by what each rule did.

    Returns:
        The texts, at rest.
    """
    steps = _list_steps(rules)
    if rules.escaped_twice:
        return _settle(texts, steps, changes)
    read = [step for step in steps if step.name in READING]
    for step in read:  # tags first: what a reference gives is text
        texts = _settle(texts, [step], changes, once=step.name == DECODING)
    return _settle(texts, [step for step in steps if step not in read], changes)


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
    cuts = [
        TextRule(BOILERPLATE, pattern, partial(remove_boilerplate, pattern=pattern))
        for pattern in rules.boilerplate
    ]
    again = [step for step in _list_steps(rules) if rules.escaped_twice or step.name not in READING]
    return _settle(texts, [*cuts, *again], changes, bearing=_bear(texts, cuts))


def _list_steps(rules: Rules) -> list[TextRule]:
    return [rule for rule in TIDYING if getattr(rules, rule.name)]


def _settle(
    texts: pl.Series,
    rules: list[TextRule],
    changes: list[Change],
    *,
    bearing: pl.Series | None = None,
    once: bool = False,
) -> pl.Series:
    """Apply rules in order where a sign shows, again where they changed something and one shows.

    Args:
        texts: one column.
        rules: what to apply.
        changes: grows by what each rule did.
        bearing: which texts to look at; else those with the sign of one of the rules.
        once: whether a second pass would read what the first one wrote.
    """
    if not rules:
        return texts
    moving = (_bear(texts, rules) if bearing is None else bearing).arg_true()
    if moving.is_empty():
        return texts
    texts = texts.clone()  # scatter works in place
    before = texts.gather(moving)
    for _ in range(1 if once else MAX_PASSES):
        after = before
        for rule in rules:
            after = _apply(rule, after, moving, changes)
        moved = before != after
        moving, before = moving.filter(moved), after.filter(moved)
        texts = texts.scatter(moving, before)
        again = _bear(before, rules)
        if once or not again.any():
            break
        moving, before = moving.filter(again), before.filter(again)
    return texts


def _bear(texts: pl.Series, rules: list[TextRule]) -> pl.Series:
    """Find the texts that a rule may change.

    Boilerplate is looked for pattern by pattern: joined, they lose the letters that a search for
    each of them looks for first, and take six times as long.
    """
    short = [f"(?:{rule.sign})" for rule in rules if rule.name != BOILERPLATE]
    long = [rule.sign for rule in rules if rule.name == BOILERPLATE]
    signs = ["|".join(short), *long] if short else long
    return reduce(or_, map(texts.str.contains, signs))


def _apply(rule: TextRule, texts: pl.Series, rows: pl.Series, changes: list[Change]) -> pl.Series:
    found = texts.str.contains(rule.sign)
    if not found.any():
        return texts
    bearing = found.arg_true()
    before = texts.gather(bearing)
    after = rule.apply(before)
    moved = before != after
    if not moved.any():
        return texts
    places, before, after = bearing.filter(moved), before.filter(moved), after.filter(moved)
    changes.append(Change(rule.name, rows.gather(places), before, after))
    return texts.clone().scatter(places, after)

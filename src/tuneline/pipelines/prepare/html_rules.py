"""HTML tags in texts that may also hold comparisons, type parameters and placeholders.

A tag is what HTML knows as one: the name of an element, then nothing but attributes. As `<b>` may
be a tag, and `vector<b>` or `a<b and b>c` code, an element that has an end must have both its tags
in the text, or an attribute.
"""

import re

import numpy as np
import polars as pl

# Line breaks: each of them is a tag wherever it is.
BREAKS = "br|hr|wbr"
# Without an end, but never without an attribute: `cp <source> <target>` names no element.
VOID = "area|base|col|embed|img|input|link|meta|param|source|track"
# HTML lets authors leave their end tags out.
OPEN_ENDED = "dd|dt|li|tbody|td|tfoot|th|thead|tr"
# With two tags; on a page they begin a line, so that the words before and after are not joined.
BLOCKS = (
    "address|article|aside|blockquote|body|center|colgroup|details|dialog|dir|div|dl|fieldset"
    "|figcaption|figure|footer|form|frameset|h[1-6]|head|header|hgroup|html|main|menu|nav|noframes"
    "|noscript|ol|optgroup|option|p|pre|search|section|select|summary|table|template|textarea|title|ul"
)
# With two tags, within a line.
INLINE = (
    "a|abbr|acronym|applet|audio|b|bdi|bdo|big|blink|button|canvas|caption|cite|code|data|datalist"
    "|del|dfn|em|font|i|iframe|ins|kbd|label|legend|map|mark|marquee|math|meter|nobr|object|output"
    "|picture|progress|q|rp|rt|ruby|s|samp|slot|small|span|strike|strong|sub|sup|svg|time|tt|u|var|video"
)
NAMES = f"{BREAKS}|{VOID}|{OPEN_ENDED}|{BLOCKS}|{INLINE}"

_VALUE = r"""[\w:@.-]++\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]++)"""
_FLAG = (
    r"(?:allowfullscreen|async|autofocus|autoplay|checked|compact|controls|default|defer|disabled"
    r"|hidden|ismap|itemscope|loop|multiple|muted|noresize|noshade|nowrap|open|readonly|required"
    r"|reversed|selected)\b"
)
# `/` and a missing blank between two attributes are mistakes that browsers forgive.
_ATTRIBUTES = rf"(?:(?>\s[\s/]*(?:{_VALUE}|{_FLAG}))(?>[\s/]*{_VALUE}|[\s/]+{_FLAG})*+)?"
TAG = re.compile(rf"<(/?)({NAMES})({_ATTRIBUTES})[\s/]*>", re.IGNORECASE)
# What never was text: comments, document types, scripts, style sheets.
HIDDEN = (
    r"(?is)<!--.*?-->|<!doctype\b[^<>]*>"
    r"|<script(?:\s[^<>]*)?>.*?</script\s*>|<style(?:\s[^<>]*)?>.*?</style\s*>"
)
# What may be a tag, and is kept where its other half or an attribute is missing.
LOOKS_LIKE_A_TAG = rf"(?i)</?(?:{NAMES})(?:\s[^<>]*)?/?>"

_inline, _endless = set(INLINE.split("|")), {*BREAKS.split("|"), *OPEN_ENDED.split("|")}


def strip_tags(texts: pl.Series) -> pl.Series:
    """Remove tags, comments and scripts; what breaks the line on a page leaves a space.

    Args:
        texts: texts that hold `<`.

    Returns:
        The texts.
    """
    return texts.str.replace_all(HIDDEN, "").map_elements(_strip, return_dtype=pl.String)


def _strip(text: str) -> str:
    """Remove the tags of one text."""
    kept, start = [], 0
    for tag in _find_tags(text):
        kept += [text[start : tag.start()], "" if tag[2].lower() in _inline else " "]
        start = tag.end()
    return "".join([*kept, text[start:]])


def _find_tags(text: str) -> list[re.Match[str]]:
    """Find what is a tag: an end tag, and a start tag with its end tag or an attribute."""
    found: dict[int, re.Match[str]] = {}
    started: dict[str, list[re.Match[str]]] = {}
    for tag in TAG.finditer(text):
        name = tag[2].lower()
        if tag[1]:
            start = started[name].pop() if started.get(name) else tag
            found |= {start.start(): start, tag.start(): tag}
            continue
        if tag[3] or name in _endless or (name == "p" and not _is_glued(tag)):
            found[tag.start()] = tag
        started.setdefault(name, []).append(tag)
    return [found[place] for place in sorted(found)]


def _is_glued(tag: re.Match[str]) -> bool:
    """Tell whether a tag follows a word at once, as the parameter of a type does: `Pointer<p>`."""
    before = tag.string[tag.start() - 1 : tag.start()]
    return before.isalnum() or before == "_"


Keys = np.ndarray[tuple[int], np.dtype[np.uint64]]
Found = np.ndarray[tuple[int], np.dtype[np.bool_]]


class SeenKeys:
    """A growing set of 64-bit keys, eight bytes each.

    Sorted arrays, each at least twice as long as the next: a new one is merged with those that are
    not longer, so that a key is moved about log2(n) times in all.
    """

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def find(self, keys: Keys) -> Found:
        """Tell of each key whether it is in the set."""
        found = np.zeros(len(keys), dtype=bool)
        order = np.argsort(keys)
        ordered = keys[order]  # neighbors in a run are neighbors in memory
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, ordered), len(run) - 1)
            found[order] |= run[places] == ordered
        return found

    def add(self, keys: Keys) -> None:
        """Put keys into the set."""
        run = np.sort(keys)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            # A stable sort of two sorted runs is a merge.
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)


def find_repetitions(table: pl.DataFrame, seen: dict[str, SeenKeys]) -> pl.DataFrame:
    """Mark rows whose text in a column was in a kept row before, in any letter case.

    Args:
        table: rows with `reason`.
        seen: for each column that must not repeat, hashes of the texts of earlier batches; they
            grow. Two different texts share one with a probability of about 1 in 10^7 for two
            million rows.

    Returns:
        The rows with `reason` filled for the repetitions; the first column that applies counts.
    """
    if not seen:
        return table
    # Only texts of kept rows count: a title whose first row was dropped may still come.
    kept = table["reason"].is_null().arg_true()
    keys = {name: _hash(table[name].gather(kept)) for name in seen}
    repeats = {name: seen[name].find(keys[name]) for name in seen}
    _repeat_within(keys, repeats)
    reasons = table["reason"].clone()
    fresh = ~np.logical_or.reduce(list(repeats.values()))
    for name in reversed(seen):
        reasons = reasons.scatter(kept.filter(pl.Series(repeats[name])), f"{name} is repeated")
        seen[name].add(keys[name][fresh])
    return table.with_columns(reason=reasons)


def _hash(texts: pl.Series) -> Keys:
    return texts.str.to_lowercase().hash().to_numpy()


def _repeat_within(keys: dict[str, Keys], repeats: dict[str, Found]) -> None:
    """Mark what repeats an earlier row of the batch, unless that row is dropped itself.

    With one column the rows of a text but the first are repetitions. With several, a row that
    repeats one text is dropped, so its other texts may still come: walked in order, which only
    rows with a text that another one has need.
    """
    shared = np.zeros(len(next(iter(keys.values()))), dtype=bool)
    for name, column in keys.items():
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        shared |= (counts[place] > 1) & ~repeats[name]
    first: dict[str, set[int]] = {name: set() for name in keys}
    for row in np.flatnonzero(shared):
        texts = {name: int(column[row]) for name, column in keys.items()}
        for name, text in texts.items():
            repeats[name][row] |= text in first[name]
        if not any(repeats[name][row] for name in keys):
            for name, text in texts.items():
                first[name].add(text)

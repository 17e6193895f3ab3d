"""HTML's tags: taken out where they are tags, kept where a text only looks like it."""

import re
from itertools import compress

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

    A tag is what HTML knows as one: the name of an element, then nothing but attributes. As `<b>`
    may be a tag, and `vector<b>` or `a<b and b>c` code, an element that has an end must have both
    its tags in the text, or an attribute.

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
        begin, end = tag.span()
        kept.append(text[start:begin])
        if tag[2].lower() not in _inline:
            kept.append(" ")
        start = end
    kept.append(text[start:])
    return "".join(kept)


def _find_tags(text: str) -> list[re.Match[str]]:
    """Find what is a tag: an end tag, and a start tag with its end tag or an attribute."""
    tags = list(TAG.finditer(text))
    found = [False] * len(tags)
    started: dict[str, list[int]] = {}
    for place, tag in enumerate(tags):
        closes, name, attributes = tag.groups()
        name = name.lower()
        if closes:
            found[place] = True
            if begun := started.get(name):
                found[begun.pop()] = True
            continue
        found[place] = bool(attributes) or name in _endless or (name == "p" and not _is_glued(tag))
        started.setdefault(name, []).append(place)
    return list(compress(tags, found))


def _is_glued(tag: re.Match[str]) -> bool:
    """Tell whether a tag follows a word at once, as the parameter of a type does: `Pointer<p>`."""
    before = tag.string[tag.start() - 1 : tag.start()]
    return before.isalnum() or before == "_"

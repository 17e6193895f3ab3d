import html
import re
import sys
import unicodedata
from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.parameters import Data, Rules, Split
from tuneline.pipelines.prepare import cleaning, text_rules
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.text_rules import COMPOSABLE, TEXT_RULES

pytestmark = pytest.mark.slow

BOILERPLATE = [r"This text refers to (?:the|an?) [^.]{1,120}\."]
SWITCHES = [rule for rule in TEXT_RULES if rule != "boilerplate"]
# Python's own way to the same end, reference by reference.
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
NONE = dict.fromkeys(SWITCHES, False) | {"boilerplate": []}


def make_data(**rules: object) -> Data:
    return Data(
        id="uid",
        columns=["title", "content"],
        rules=Rules(**{"boilerplate": BOILERPLATE, **rules}),
        split=Split(test=1, validation=1, group="title"),
    )


def make_batch(*contents: str | None, title: str = "Tea pot") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line": range(1, len(contents) + 1),
            "original": [str(content).encode() for content in contents],
            "problem": [None] * len(contents),
            "uid": [str(number) for number in range(len(contents))],
            "title": [title] * len(contents),
            "content": list(contents),
        },
        schema_overrides={"problem": pl.String, "content": pl.String},
    )


def clean(text: str, **rules: object) -> str:
    return clean_batch(make_batch(text), make_data(**rules))["content"][0]


def clean_escaped(text: str, **rules: object) -> str:
    return clean(text, **{"escaped_twice": True, **rules})


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("it&#x2019;s", "it’s"),
        ("tea &mdash; hot", "tea — hot"),
        ("five&#160;cups", "five cups"),
        ("&quot;Salt&quot; &amp; pepper", '"Salt" & pepper'),
        ("windows &#151; it&#x92;s", "windows — it’s"),
        ("<p>one</p><br/>two <b>bold</b>", "one two bold"),
        ("  two\t\twords\n", "two words"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth", "zerowidth"),
        ("the first line\x0bthe second", "the first line the second"),
        ("page one\x0cpage two", "page one page two"),
        ("north\x85south", "north south"),
        ("red\x1fgreen\x1eblue\x1dcyan\x1cgray", "red green blue cyan gray"),
        ("a bell\x07rings, \x00null, \x1b[1mescape", "a bell rings, null, [1mescape"),
        ("line\u2028separator\u2029paragraph", "line separator paragraph"),
        ("it\x92s \x93quoted\x94 \x96 once", "it’s “quoted” – once"),
        ("Fine. This text refers to the Hardcover edition.", "Fine."),
        ("a <!-- note --> b", "a b"),
        ("a<script>alert('x < y')</script> <STYLE>p { top: 0 }</STYLE>b", "a b"),
        ("The end.<P>Next <P ALIGN=center>third", "The end. Next third"),
        ("words<ul><li>one<li>two</ul>end", "words one two end"),
        ("<b>nested <b>x</b> y</b>", "nested x y"),
        ("<a href='x?a=1&amp;b=2' target=_blank>link</a>", "link"),
        ('<img src="a>b.png"alt="x"/>seen', "seen"),
        ("<FONT color=red size=2>red</font> <td nowrap>cell", "red cell"),
        ("one<wbr>word", "one word"),
        ("<h2>Title</h2>text<hr/>text", "Title text text"),
    ],
)
def test_dirt_is_removed(dirty: str, expected: str):
    assert clean(dirty) == expected
    assert clean_escaped(dirty) == expected


@pytest.mark.parametrize(
    ("dirty", "read_once", "read_again"),
    [
        ("twice &amp;amp;quot; escaped", "twice &amp;quot; escaped", 'twice " escaped'),
        ("&lt;br&gt;escaped&lt;/b&gt;", "<br>escaped</b>", "escaped"),
        ("&amp;lt;hr&amp;gt;item", "&lt;hr&gt;item", "item"),
        ("Type &amp;nbsp; for a blank", "Type &nbsp; for a blank", "Type for a blank"),
        (
            "Write &lt;li&gt;item 1&lt;/li&gt; inside &lt;ul&gt;",
            "Write <li>item 1</li> inside <ul>",
            "Write item 1 inside <ul>",
        ),
        ("Close &lt;/div&gt; at the <b>end</b>", "Close </div> at the end", "Close at the end"),
    ],
)
def test_escaped_html_is_text_unless_the_file_was_escaped_twice(
    dirty: str, read_once: str, read_again: str
):
    assert clean(dirty) == read_once
    assert clean_escaped(dirty) == read_again


@pytest.mark.parametrize(
    "text",
    [
        "fits gaps < 3 mm and > 1 mm",
        "a < b and b > c",
        "I <3 tea",
        "R&B, Salt & Pepper, AT&T;",
        "see ?a=1&copy=2",
        "crème brûlée jalapeño",
        "中文，標點。「引號」",
        "Θάλασσα",
        "👩‍🍳 cooks",
        "NA",
        "<Tuneline> is no HTML",
        "It stops if a<b and c>d hold at once.",
        "Write x <b or y> z in the old notation.",
        "if i<p && q>r then s<u, or a<i and j>k",
        "std::vector<s> names; std::map<i, b> counts;",
        "Option<i> and Box<Code> and Pointer<p> are types",
        "cp <source> <target>; git clone <address> here",
        "the <title> of the <section> is up to you",
        "x<b>y is a chain of comparisons",
        "4<a=5>3",
    ],
)
def test_legitimate_text_stays_as_it_is(text: str):
    assert clean(text) == text
    assert clean_escaped(text) == text


@pytest.mark.parametrize(
    ("switch", "dirty"),
    [
        ("decode_entities", "a &amp; b"),
        ("strip_tags", "a<br>b"),
        ("normalize_unicode", "cafe\u0301"),
        ("normalize_spaces", "a  b"),
    ],
)
def test_a_rule_that_is_switched_off_changes_nothing(switch: str, dirty: str):
    assert clean(dirty, **{switch: False}) == dirty


# Pieces that make nested dirt likely: entities inside entities, tags after entities.
PIECES = [
    "&",
    "amp;",
    "lt;",
    "gt;",
    "<",
    ">",
    "br",
    "b",
    "/",
    "#151;",
    "#x92;",
    " ",
    "\n",
    "é",
    "x",
    ";",
]
DIRTY = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=40)


@settings(max_examples=300, deadline=None)
@given(DIRTY)
def test_cleaning_clean_text_changes_nothing(text: str):
    once = clean_escaped(text)
    assert clean_escaped(once) == once


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<&"),
        max_size=30,
    )
)
def test_text_without_dirt_is_only_composed(text: str):
    assert clean(text) == unicodedata.normalize("NFC", text)


@settings(max_examples=300, deadline=None)
@given(DIRTY, st.sets(st.sampled_from(SWITCHES)))
def test_cleaning_is_idempotent_whatever_is_switched_off(text: str, off: set[str]):
    switches = dict.fromkeys(off, False)
    once = clean_escaped(text, **switches)
    assert clean_escaped(once, **switches) == once


@settings(max_examples=200, deadline=None)
@given(DIRTY)
def test_with_every_switch_off_nothing_changes(text: str):
    assert clean(text, **NONE) == text


@settings(max_examples=200, deadline=None)
@given(DIRTY)
def test_the_rule_for_spaces_touches_nothing_but_spaces(text: str):
    cleaned = clean(text, **NONE | {"normalize_spaces": True})
    # Python's idea of white space has four control characters more than Unicode's.
    spaces = {c for c in text if c.isspace() and c not in "\x1c\x1d\x1e\x1f"}
    keep = [character for character in text if character not in spaces]
    assert [character for character in cleaned if character not in spaces | {" "}] == keep


@settings(max_examples=200, deadline=None)
@given(DIRTY)
def test_the_rule_for_entities_leaves_everything_outside_of_them(text: str):
    cleaned = clean_escaped(text, **NONE | {"decode_entities": True})
    decoded = text
    while (again := ENTITY.sub(lambda found: html.unescape(found.group()), decoded)) != decoded:
        decoded = again
    assert cleaned == decoded


def test_every_character_that_nfc_may_change_bears_the_sign():
    """All code points: those that NFC replaces, and those that join the one before."""
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    joining = {
        unicodedata.normalize("NFD", one)[-1]
        for one in characters
        if len(unicodedata.normalize("NFD", one)) > 1
    }
    replaced = [one for one in characters if unicodedata.normalize("NFC", one) != one]
    assert pl.Series([*joining, *replaced]).str.contains(COMPOSABLE).all()


def test_changes_and_examples_are_told_by_rule():
    batch = make_batch("a&lt;br&gt;x", "plain", "two  spaces")
    table = clean_batch(batch, make_data(escaped_twice=True))
    bits = [
        {rule for bit, rule in enumerate(TEXT_RULES) if mask >> bit & 1}
        for mask in table["_changed"]
    ]
    assert bits == [{"decode_entities", "strip_tags"}, set(), {"normalize_spaces"}]
    assert '"before":"two  spaces","after":"two spaces"' in table["_example"][2]
    assert table["_length:content"].to_list() == [12, 5, 11]


def test_a_reference_without_a_semicolon_is_left_alone():
    assert clean("?a=1&copy=2 &copy") == "?a=1&copy=2 &copy"


@pytest.mark.parametrize("pattern", ["x*", r"\b", "^", "(?:)"])
def test_a_pattern_that_matches_nothing_at_all_is_refused(pattern: str):
    with pytest.raises(ValueError, match="matches nothing at all"):
        Rules(boilerplate=[pattern])


def test_there_is_a_mark_for_every_rule_however_many_there_are(monkeypatch: pytest.MonkeyPatch):
    more = tuple(
        text_rules.TextRule(f"rule_{number}", "plain", partial(str_append, number=number))
        for number in range(20)
    )
    names = (*TEXT_RULES, *(rule.name for rule in more))
    monkeypatch.setattr(text_rules, "_list_steps", lambda _: [*text_rules.TIDYING, *more])
    monkeypatch.setattr(cleaning, "TEXT_RULES", names)
    monkeypatch.setattr(text_rules, "MAX_PASSES", 1)
    table = clean_batch(make_batch("plain", "clean"), make_data())
    assert table["content"][0] == "plain" + "".join(map(str, range(20)))
    assert table["_changed"].to_list() == [sum(1 << names.index(rule.name) for rule in more), 0]


def str_append(texts: pl.Series, number: int) -> pl.Series:
    return texts + str(number)

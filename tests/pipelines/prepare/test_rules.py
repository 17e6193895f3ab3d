import html

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuneline.pipelines.prepare.rules import clean_texts, find_reasons, find_repetitions

from tuneline.parameters import Data, Rules, Split

BOILERPLATE = [r"This text refers to (?:the|an?) [^.]{1,120}\."]


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
            "original": [str(content) for content in contents],
            "problem": [None] * len(contents),
            "uid": [str(number) for number in range(len(contents))],
            "title": [title] * len(contents),
            "content": list(contents),
        },
        schema_overrides={"problem": pl.String, "content": pl.String},
    )


def clean(text: str, **rules: object) -> str:
    return clean_texts(make_batch(text), make_data(**rules))["content"][0]


def find_reason(content: str | None, title: str = "Tea pot", **rules: object) -> str | None:
    data = make_data(**rules)
    return find_reasons(clean_texts(make_batch(content, title=title), data), data)["reason"][0]


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("it&#x2019;s", "it’s"),
        ("tea &mdash; hot", "tea — hot"),
        ("five&#160;cups", "five cups"),
        ("&quot;Salt&quot; &amp; pepper", '"Salt" & pepper'),
        ("windows &#151; it&#x92;s", "windows — it’s"),
        ("twice &amp;amp;quot; escaped", 'twice " escaped'),
        ("<p>one</p><br/>two <b>bold</b>", "one two bold"),
        ("&lt;br&gt;escaped&lt;/b&gt;", "escaped"),
        ("&amp;lt;li&amp;gt;item", "item"),
        ("  two\t\twords\n", "two words"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth\x07", "zerowidth"),
        ("Fine. This text refers to the Hardcover edition.", "Fine."),
        ("a <!-- note --> b", "a b"),
        ("a<script>alert('x < y')</script> <STYLE>p { top: 0 }</STYLE>b", "a b"),
    ],
)
def test_dirt_is_removed(dirty: str, expected: str):
    assert clean(dirty) == expected


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
    ],
)
def test_legitimate_text_stays_as_it_is(text: str):
    assert clean(text) == text


@pytest.mark.parametrize(
    ("switch", "dirty"),
    [
        ("decode_entities", "a &amp; b"),
        ("strip_tags", "a<br>b"),
        ("normalise_unicode", "cafe\u0301"),
        ("normalise_spaces", "a  b"),
    ],
)
def test_a_rule_that_is_switched_off_changes_nothing(switch: str, dirty: str):
    assert clean(dirty, **{switch: False}) == dirty


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("A fine pot for tea.", None),
        ("", "content is empty"),
        (" <br> &nbsp;", "content is empty"),
        ("This text refers to the Paperback edition.", "only boilerplate"),
        ("tea POT ", "title and content are equal"),
        ("Brand new", "content is too short"),
        ("word " * 100, "content is too long"),
        ("*** --- *** ---", "content has no letter and no number"),
        ("1984 2001 2010", None),
    ],
)
def test_a_row_is_dropped_for_the_right_reason(content: str, reason: str | None):
    rules = {"min_words": {"content": 3}, "max_characters": {"content": 200}}
    assert find_reason(content, **rules) == reason


@pytest.mark.parametrize("title", ["NA", "None", "null"])
def test_a_title_that_pandas_takes_for_missing_is_kept(title: str):
    assert find_reason("A fine pot for tea.", title=title) is None


def test_repetitions_are_found_in_any_case_and_across_batches():
    table = pl.DataFrame(
        {"title": ["Pot", "POT", "Cup", "pot"], "reason": [None, None, None, "content is empty"]}
    )
    seen: set[int] = set()
    first = find_repetitions(table, "title", seen)
    assert first["reason"].to_list() == [None, "title is repeated", None, "content is empty"]
    second = find_repetitions(table, "title", seen)
    assert second["reason"].to_list()[:3] == ["title is repeated"] * 3


def test_a_title_whose_first_row_was_dropped_is_no_repetition():
    table = pl.DataFrame({"title": ["Pot", "pot"], "reason": ["content is empty", None]})
    assert find_repetitions(table, "title", set())["reason"].to_list() == ["content is empty", None]


# Pieces that make nested dirt likely: entities inside entities, tags behind entities.
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
    once = clean(text)
    assert clean(once) == once


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="<&"),
        max_size=30,
    )
)
def test_text_without_dirt_is_only_composed(text: str):
    import unicodedata

    assert clean(text) == unicodedata.normalize("NFC", text)


def test_a_reference_without_a_semicolon_is_left_alone_as_html_would_not():
    assert clean("&copy") == "&copy" != html.unescape("&copy")

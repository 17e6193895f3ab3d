import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.pipelines.prepare.test_text_rules import make_batch, make_data
from tuneline.pipelines.prepare.cleaning import clean_batch
from tuneline.pipelines.prepare.repetitions import SeenKeys, find_repetitions


def find_reason(content: str | None, title: str = "Tea pot", **rules: object) -> str | None:
    data = make_data(**rules)
    return clean_batch(make_batch(content, title=title), data)["reason"][0]


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


@pytest.mark.parametrize(
    ("switch", "content"),
    [
        ("drop_empty", ""),
        ("drop_only_boilerplate", "This text refers to the Paperback edition."),
        ("drop_equal", "tea POT"),
        ("drop_not_text", "***"),
    ],
)
def test_a_rule_that_is_switched_off_drops_nothing(switch: str, content: str):
    others = dict.fromkeys(
        ("drop_empty", "drop_only_boilerplate", "drop_equal", "drop_not_text"), False
    )
    assert find_reason(content, **others) is None
    assert find_reason(content, **others | {switch: True}) is not None


@pytest.mark.parametrize(("title", "content"), [("İ" * 5, "i̇" * 5), ("ẞ", "ß")])
def test_columns_are_equal_in_any_case_whatever_their_bytes(title: str, content: str):
    assert find_reason(content, title=title) == "title and content are equal"


@pytest.mark.parametrize(("content", "short"), [("one two three", True), (" a b\tc  d ", False)])
def test_words_are_what_is_between_spaces(content: str, short: bool):
    reason = find_reason(content, min_words={"content": 4}, normalize_spaces=False)
    assert (reason == "content is too short") is short


@pytest.mark.slow
def test_repetitions_are_found_in_any_case_and_across_batches():
    table = pl.DataFrame(
        {"title": ["Pot", "POT", "Cup", "pot"], "reason": [None, None, None, "content is empty"]}
    )
    seen = {"title": SeenKeys()}
    first = find_repetitions(table, seen)
    assert first["reason"].to_list() == [None, "title is repeated", None, "content is empty"]
    second = find_repetitions(table, seen)
    assert second["reason"].to_list()[:3] == ["title is repeated"] * 3


@pytest.mark.slow
def test_a_title_whose_first_row_was_dropped_is_no_repetition():
    table = pl.DataFrame({"title": ["Pot", "pot"], "reason": ["content is empty", None]})
    assert find_repetitions(table, {"title": SeenKeys()})["reason"].to_list() == [
        "content is empty",
        None,
    ]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=12))
def test_seen_keys_are_a_set(batches: list[list[int]]):
    seen, expected = SeenKeys(), set()
    for batch in batches:
        keys = np.array(sorted(set(batch)), dtype=np.uint64)
        assert seen.find(keys).tolist() == [int(key) in expected for key in keys]
        fresh = keys[~seen.find(keys)]
        seen.add(fresh)
        expected |= {int(key) for key in fresh}


TITLES = st.sampled_from(["pot", "Pot", "cup", "jug", "bowl"])
TEXTS = st.sampled_from(["for tea", "For Tea", "for coffee", "of clay", "of glass"])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.tuples(TITLES, TEXTS, st.booleans()), max_size=8), max_size=4))
def test_a_row_is_kept_if_no_kept_row_before_has_one_of_its_texts(
    batches: list[list[tuple[str, str, bool]]],
):
    seen = {"title": SeenKeys(), "text": SeenKeys()}
    titles, texts = set[str](), set[str]()
    for batch in batches:
        table = pl.DataFrame(
            {
                "title": [title for title, _, _ in batch],
                "text": [text for _, text, _ in batch],
                "reason": ["too short" if dropped else None for _, _, dropped in batch],
            },
            schema=dict.fromkeys(["title", "text", "reason"], pl.String),
        )
        expected: list[str | None] = []
        for title, text, dropped in batch:
            reason = "too short" if dropped else None
            if not reason and title.lower() in titles:
                reason = "title is repeated"
            elif not reason and text.lower() in texts:
                reason = "text is repeated"
            if not reason:
                titles.add(title.lower())
                texts.add(text.lower())
            expected.append(reason)
        assert find_repetitions(table, seen)["reason"].to_list() == expected


CZECH = "Tento modrý hrnek z jílu pojme čtyři šálky čaje a víčko drží, i když naléváte."


@pytest.mark.parametrize(
    ("content", "language", "reason"),
    [
        (CZECH, "en", "content is in another language"),
        (CZECH, "cs", None),
        (CZECH, None, None),
        ("Modrý hrnek", "en", None),  # too short to tell
        (
            "這個藍色陶土茶壺可以裝四杯茶，倒茶的時候蓋子不會掉下來。",
            "cs",
            "content is in another language",
        ),
    ],
)
def test_rows_in_another_language_are_dropped(
    content: str, language: str | None, reason: str | None
):
    assert find_reason(content, language=language) == reason


def test_a_language_that_cannot_be_told_is_refused():
    with pytest.raises(ValidationError, match="does not know the language `czech`"):
        make_data(language="czech")

import pytest

from tests.pipelines.prepare.test_text_rules import make_batch, make_data
from tuneline.pipelines.prepare.cleaning import clean_batch


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

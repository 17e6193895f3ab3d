import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.pipelines.prepare.cleaning import SeenKeys, find_repetitions

pytestmark = pytest.mark.slow


def test_repetitions_are_found_in_any_case_and_across_batches():
    table = pl.DataFrame(
        {"title": ["Pot", "POT", "Cup", "pot"], "reason": [None, None, None, "content is empty"]}
    )
    seen = {"title": SeenKeys()}
    first = find_repetitions(table, seen)
    assert first["reason"].to_list() == [None, "title is repeated", None, "content is empty"]
    second = find_repetitions(table, seen)
    assert second["reason"].to_list()[:3] == ["title is repeated"] * 3


def test_a_title_whose_first_row_was_dropped_is_no_repetition():
    table = pl.DataFrame({"title": ["Pot", "pot"], "reason": ["content is empty", None]})
    assert find_repetitions(table, {"title": SeenKeys()})["reason"].to_list() == [
        "content is empty",
        None,
    ]


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

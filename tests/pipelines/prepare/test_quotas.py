import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.pipelines.prepare.splitting import allot

CATEGORIES = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 60), min_size=1)


@pytest.mark.parametrize(
    ("total", "rows", "expected"),
    [
        (10, {"a": 50, "b": 50}, {"a": 5, "b": 5}),
        (10, {"a": 97, "b": 2, "c": 1}, {"a": 8, "b": 1, "c": 1}),
        (2, {"a": 9, "b": 5, "c": 7}, {"a": 1, "b": 0, "c": 1}),
        (9, {"a": 3, "b": 2}, {"a": 3, "b": 2}),
        (0, {"a": 3}, {"a": 0}),
    ],
)
def test_rows_are_given_in_proportion_and_no_category_is_left_out(total, rows, expected):
    assert allot(total, rows, set(rows)) == expected


@given(CATEGORIES, st.integers(0, 400), st.data())
def test_all_is_given_away_and_none_gets_more_than_it_has(rows, total, data):
    least = data.draw(st.sets(st.sampled_from(sorted(rows))))
    given_to = allot(total, rows, least)
    assert set(given_to) == set(rows)
    assert sum(given_to.values()) == min(total, sum(rows.values()))
    assert all(0 <= given_to[name] <= rows[name] for name in rows)
    if len(least) <= total:
        assert all(given_to[name] for name in least)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.utils.hashing import apportion

WEIGHTS = st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 60), min_size=1)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, {"a": 50, "b": 50}, {"a": 5, "b": 5}),
        (10, {"a": 97, "b": 2, "c": 1}, {"a": 8, "b": 1, "c": 1}),
        (2, {"a": 9, "b": 5, "c": 7}, {"a": 1, "b": 0, "c": 1}),
        (5, {"a": 3, "b": 2}, {"a": 3, "b": 2}),
        (0, {"a": 3}, {"a": 0}),
        (0, {}, {}),
        (3, {"a": 1, "b": 1}, {"a": 1, "b": 2}),  # of equal remainders, that of the last name
    ],
)
def test_all_get_in_proportion_and_nobody_goes_without(total, weights, expected):
    assert apportion(total, weights, at_least_one=True) == expected


def test_without_a_minimum_a_small_weight_may_get_nothing():
    assert apportion(10, {"a": 0.98, "b": 0.02, "c": 0}) == {"a": 10, "b": 0, "c": 0}


@given(WEIGHTS, st.integers(0, 400))
def test_of_what_there_is_nobody_gets_more_than_there_is(rows, total):
    total = min(total, sum(rows.values()))
    given_to = apportion(total, rows, at_least_one=True)
    assert set(given_to) == set(rows)
    assert sum(given_to.values()) == total
    assert all(0 <= given_to[name] <= rows[name] for name in rows)
    if len(rows) <= total:
        assert all(given_to.values())


@given(st.integers(0, 5000), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_shares_add_up_to_the_number_and_are_off_by_less_than_one(total: int, weights: list[int]):
    shares = {str(n): weight / sum(weights) for n, weight in enumerate(weights)}
    counts = apportion(total, shares)
    assert sum(counts.values()) == total
    assert all(abs(counts[name] - total * share) < 1 + 1e-6 for name, share in shares.items())

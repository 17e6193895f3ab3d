"""Verdicts on models that do not differ. The whole table: scripts/benchmarks/verdicts.py."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from scripts.benchmarks.verdicts import count_wrong, draw_groups, draw_shares, list_nulls

pytestmark = pytest.mark.slow

REPETITIONS = 150
ALLOWED = 0.06
# The seed is fixed. A cell that is wrong in 6 % of all cases has more than so many once in 300.
MOST = int(binom.ppf(1 - 1 / 300, REPETITIONS, ALLOWED))
# Every kind is drawn at three of the sizes of the whole table, and all sizes are.
SIZES = ((5, 16, 150), (8, 64, 500), (16, 32, 64))


def choose_cells() -> dict[str, tuple]:
    cells = list(list_nulls())
    kinds = list(dict.fromkeys(name for name, *_ in cells))
    return {
        f"{name}: {rows} prompts": (draw, groups)
        for name, rows, draw, groups in cells
        if rows in SIZES[kinds.index(name) % len(SIZES)] or "cross" in name
    }


CELLS = choose_cells()


@pytest.fixture(scope="module")
def wrong() -> dict[str, int]:
    return {name: count_wrong(*cell, REPETITIONS) for name, cell in CELLS.items()}


@pytest.mark.parametrize("name", CELLS)
def test_models_that_do_not_differ_are_rarely_told_apart(wrong: dict[str, int], name: str):
    assert wrong[name] <= MOST


def test_of_all_verdicts_together_fewer_than_six_in_a_hundred_are_false(wrong: dict[str, int]):
    """The upper end of the interval of the share, not the share itself."""
    found = binomtest(sum(wrong.values()), REPETITIONS * len(wrong)).proportion_ci(0.99)
    assert found.high < ALLOWED


@pytest.mark.parametrize("rows", [5, 16, 500])
def test_a_model_compared_with_itself_shows_nothing(rows: int):
    draw = draw_groups(rows, 1, 0.0)
    assert count_wrong(lambda random: (draw(random)[1],) * 2, None, 20) == 0


def test_a_difference_that_is_there_is_found():
    """The audit's figure of the earlier, invalid test is 95 % for 64 prompts."""
    assert count_wrong(draw_groups(64, 1, 0.0, difference=10.0), None, 100) >= 90


def test_a_difference_between_proportions_is_found():
    """McNemar's test at 98.3 % finds it in 99 % of such evaluations by normal approximation."""
    assert count_wrong(draw_shares(150, 1, 0.0, 0.3, 0.5), None, 100) >= 90


def test_without_their_groups_the_same_prompts_are_told_apart_far_too_often():
    """What the groups are for: this is the fault that they fix."""
    draw = draw_groups(150, 10, 0.5)
    assert count_wrong(draw, None, 100) >= 30
    assert count_wrong(draw, {"group": np.arange(150) // 10}, 100) <= 7


def test_right_answers_without_their_groups_are_told_apart_far_too_often_too():
    draw = draw_shares(150, 10, 0.7, 0.5)
    assert count_wrong(draw, None, 100) >= 30
    assert count_wrong(draw, {"group": np.arange(150) // 10}, 100) <= 7

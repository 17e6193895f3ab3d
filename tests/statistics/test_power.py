"""How small a difference can be seen, and on how many prompts."""

import numpy as np
import pytest

from tests.statistics.test_significance import LOSS, compare
from tuneline.statistics.power import count_needed, find_smallest_difference

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("spread", "per_group"), [(19, 1), (19, 4), (3, 1), (68, 2)])
def test_so_many_prompts_show_two_points_and_one_group_less_does_not(spread, per_group):
    needed = count_needed(spread, 60 * per_group, 60, 0.95)
    assert needed % per_group == 0
    groups = needed // per_group
    assert find_smallest_difference(spread, groups, 0.95) <= 2
    assert (find_smallest_difference(spread, groups - 1, 0.95) or 9) > 2


def test_without_prompts_or_with_an_endless_spread_no_number_is_given():
    assert count_needed(19, 0, 0, 0.95) is None
    assert count_needed(1e9, 60, 60, 0.95) is None


def test_an_evaluation_says_how_many_prompts_would_show_two_points():
    random = np.random.default_rng(1)
    base = random.uniform(20, 60, 64)
    found = compare(base, base + random.normal(1, 19, 64).clip(-20, 40))
    assert found["needed"] == count_needed(found["spread"], 64, 64, 0.95)
    assert 200 < found["needed"] < 1200
    assert compare(base, base, LOSS)["needed"] is None  # not in points of 100


@pytest.mark.parametrize(("rows", "chances"), [(64, (0.3, 0.5)), (150, (0.05, 0.15))])
def test_the_detectable_difference_of_proportions_is_found_four_times_of_five(rows, chances):
    """Plant what a first draw calls detectable, in as many proportions that are right or wrong."""
    random = np.random.default_rng(2)

    def draw(gain: float) -> dict:
        base = 100.0 * (random.random(rows) < chances[0])
        return compare(base, 100.0 * (random.random(rows) < chances[0] + gain))

    reach = np.mean([draw(chances[1] - chances[0])["detectable"] for _ in range(50)]) / 100
    found = [draw(reach)["result"] for _ in range(150)]
    assert 0.65 <= found.count("better") / 150 <= 0.95

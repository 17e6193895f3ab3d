"""What an interval and a test may say, and by what they are decided."""

import numpy as np
import pytest

from tests.pipelines.evaluate.rows import make_row
from tuneline.parameters import Evaluation
from tuneline.statistics.paired_comparison import Metric, compare_all
from tuneline.statistics.power import find_smallest_difference
from tuneline.statistics.significance import find_groups

pytestmark = pytest.mark.slow

EVALUATION = Evaluation(title="Pots", generation={})
SHARE = Metric("share", "Share", "higher", "Right answers.", percent=True)
LOSS = Metric("loss", "Loss", "lower", "Nats.", decimals=3)


def compare(base, tuned, metric: Metric = SHARE, groups=None, weights=None) -> dict:
    """Compare rows whose denominators are 1, or the weights."""
    ones = np.ones(len(base)) if weights is None else np.array(weights, dtype=float)
    sides = ({metric.name: np.stack([np.array(one) * ones, ones], 1)} for one in (base, tuned))
    return compare_all(*sides, EVALUATION, (metric,), groups)[metric.name]


@pytest.mark.parametrize("rows", [6, 20, 64])
@pytest.mark.parametrize(("base", "tuned"), [(0, 0), (100, 100), (0, 100), (100, 0)])
def test_a_share_of_none_or_all_is_never_certain(rows: int, base: int, tuned: int):
    found = compare([base] * rows, [tuned] * rows)
    low, high = found["interval"]
    assert high - low > 4
    assert low <= found["difference"] <= high
    assert abs(low) <= 100 >= abs(high)
    assert (
        found["result"]
        == {0: "no significant difference", 100: "better", -100: "worse"}[tuned - base]
    )


@pytest.mark.parametrize(("differ", "shown"), [(4, "no significant difference"), (8, "better")])
def test_few_prompts_that_differ_show_nothing_though_all_go_one_way(differ: int, shown: str):
    """A sign test of 4 gives p = 0.125, of 8 p = 0.008."""
    found = compare([0] * 64, [100] * differ + [0] * (64 - differ))
    assert found["result"] == shown
    assert (found["interval"][0] > 0) == (shown == "better")


@pytest.mark.parametrize("chance", [(0.02, 0.02), (0.02, 0.1), (0.5, 0.95), (0.03, 0.97)])
@pytest.mark.parametrize("rows", [8, 16, 64])
def test_intervals_of_shares_cover_the_truth(rows: int, chance: tuple[float, float]):
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        base, tuned = (100.0 * (random.random(rows) < one) for one in chance)
        low, high = compare(base, tuned)["interval"]
        covered += low <= 100 * (chance[1] - chance[0]) <= high
    # 95 % are 190. A score interval covers 92.5 % at worst here (8 prompts, 3 % to 97 %): 185.
    assert covered >= 180


@pytest.mark.parametrize("rows", [6, 8, 16, 32, 64])
@pytest.mark.parametrize("side", [1, -1])
def test_intervals_of_skewed_scores_cover_the_truth(rows: int, side: int):
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        found = compare(np.zeros(rows), side * random.lognormal(size=rows), LOSS)
        low, high = found["interval"]
        covered += low <= side * np.exp(0.5) <= high
    assert covered >= 180


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_too_few_prompts_have_no_interval(rows: int):
    found = compare([0] * rows, [50 + row for row in range(rows)])
    assert found["interval"] is found["detectable"] is None
    assert found["result"] == "no significant difference"


def test_the_seed_moves_no_end_of_an_interval():
    random = np.random.default_rng(3)
    base, tuned = random.normal(40, 20, 64), random.normal(48, 20, 64)
    found = [
        compare_all(
            {"share": np.stack([base, np.ones(64)], 1)},
            {"share": np.stack([tuned, np.ones(64)], 1)},
            EVALUATION.model_copy(update={"seed": seed}),
            (SHARE,),
        )["share"]["interval"]
        for seed in range(5)
    ]
    assert found == [found[0]] * 5


def test_a_group_counts_once_however_many_prompts_it_has():
    random = np.random.default_rng(4)
    gains = np.repeat(random.normal(3, 8, 12), 5)
    numbers = np.repeat(np.arange(12), 5)
    grouped = compare(np.zeros(60), gains, groups={"oil": numbers})
    single = compare(np.zeros(12), gains[::5])
    assert grouped["interval"] == pytest.approx(single["interval"])
    assert (grouped["rows"], grouped["groups"]) == (60, 12)
    assert compare(np.zeros(60), gains)["result"] == "better" != grouped["result"]


def test_sums_are_taken_before_ratios():
    """Groups of unequal weight: the interval is that of one row a group with its sums."""
    random = np.random.default_rng(5)
    weights, gains = random.integers(1, 9, 60), random.normal(5, 10, 60)
    numbers = np.arange(60) // 5
    grouped = compare(np.zeros(60), gains, groups={"oil": numbers}, weights=weights)
    sums = np.bincount(numbers, weights)
    means = np.bincount(numbers, weights * gains) / sums
    assert grouped["interval"] == pytest.approx(
        compare(np.zeros(12), means, weights=sums)["interval"]
    )


def test_of_several_groupings_the_most_cautious_counts():
    random = np.random.default_rng(6)
    by_oil, by_effect = np.arange(80) // 8, np.arange(80) % 8
    gains = random.normal(0, 1, 80) + random.normal(2, 3, 10)[by_oil]
    both = compare(np.zeros(80), gains, groups={"oil": by_oil, "effect": by_effect})
    for one in ({"oil": by_oil}, {"effect": by_effect}, None):
        low, high = compare(np.zeros(80), gains, groups=one)["interval"]
        assert both["interval"][0] <= low
        assert high <= both["interval"][1]
    assert both["groups"] == 8


def test_one_grouping_of_three_groups_leaves_nothing_to_tell():
    groups = {"row": np.arange(60), "brand": np.arange(60) % 3}
    found = compare(np.zeros(60), np.full(60, 50.0), groups=groups)
    assert (found["interval"], found["groups"]) == (None, 3)


def test_groups_within_groups_are_those_of_the_larger():
    random = np.random.default_rng(7)
    gains = random.normal(2, 5, 60)
    document, part = np.arange(60) // 6, np.arange(60) // 2
    nested = compare(np.zeros(60), gains, groups={"document": document, "part": part})
    alone = compare(np.zeros(60), gains, groups={"document": document})
    widths = [np.ptp(one["interval"]) for one in (nested, alone)]
    assert widths[0] == pytest.approx(widths[1], rel=0.25)


def name_groups(*groups: dict | None, prompts: list[str] | None = None) -> dict:
    """Find the groups of rows with these labels."""
    rows = [
        make_row(number, "", "", "", prompt=prompts[number] if prompts else f"Prompt {number}")
        | ({} if one is None else {"groups": one})
        for number, one in enumerate(groups)
    ]
    return {name: numbers.tolist() for name, numbers in find_groups(rows).items()}


def test_rows_without_a_label_are_on_their_own():
    found = name_groups({"oil": "a"}, {}, {"oil": "a"}, None, {"effect": "x"})
    assert found == {"oil": [0, 1, 0, 2, 3], "effect": [0, 1, 2, 3, 4]}
    assert name_groups(None, {}, None) == {"prompt": [0, 1, 2]}


def test_prompts_that_are_the_same_are_one_group_whatever_their_labels():
    prompts = ["Describe it.", "Name it.", "Describe  it.", "Describe it."]
    labels = [{"oil": name} for name in "abcb"]
    assert name_groups(*labels, prompts=prompts) == {"oil": [0, 0, 0, 0]}
    assert name_groups(None, None, None, None, prompts=prompts) == {"prompt": [0, 1, 0, 0]}


def test_the_same_prompt_in_another_conversation_is_another():
    rows = [
        make_row(number, "", "", "", prompt="Go on.", context=[{"role": "user", "content": text}])
        for number, text in enumerate(("Tea?", "Pots?", "Tea?"))
    ]
    assert find_groups(rows)["prompt"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("side", ["base", "tuned"])
def test_what_is_not_a_number_is_not_measured(wrong: float, side: str):
    sides = {"base": [3.0] * 20, "tuned": [1.0] * 20}
    sides[side][4] = wrong
    found = compare(**sides, metric=LOSS)
    assert found["result"] == "not measured"
    assert found[side] is found["difference"] is found["interval"] is None
    assert found["unmeasured"][side] == 1


def test_each_model_has_its_own_denominators():
    """Rows that count for one model only count for it, and are no win for either."""
    base, tuned = np.array([[50.0, 1.0]] * 40), np.array([[80.0, 1.0]] * 40)
    tuned[:39] = 0.0
    found = compare_all({"share": base}, {"share": tuned}, EVALUATION, (SHARE,))["share"]
    assert (found["tuned"], found["rows"], found["wins"]) == (80, 1, 1)
    assert found["result"] == "no significant difference"


def test_what_could_have_been_found_is_found_four_times_of_five():
    random = np.random.default_rng(8)
    reach = compare(np.zeros(64), random.normal(0, 19, 64), LOSS)["detectable"]
    found = [
        compare(np.zeros(64), random.normal(reach, 19, 64), LOSS)["result"] for _ in range(100)
    ]
    assert 68 <= found.count("worse") <= 96


def test_before_a_run_the_smallest_difference_follows_from_a_spread():
    confidence = 1 - 0.05 / 3
    assert find_smallest_difference(19, 64, confidence) == pytest.approx(8, abs=0.5)
    assert find_smallest_difference(19, 500, confidence) == pytest.approx(3, abs=0.5)
    assert find_smallest_difference(19, 5, confidence) is None


def test_a_difference_of_that_size_is_found_in_four_cases_of_five():
    """Against SciPy's own test, on prompts drawn with this difference and this spread."""
    from scipy.stats import ttest_1samp

    least = find_smallest_difference(19, 40, 0.95)
    draws = np.random.default_rng(1).normal(least, 19, (4000, 40))
    assert (ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_an_evaluation_gives_the_spread_that_the_next_plan_takes():
    change = np.random.default_rng(2).normal(3, 19, 64)
    found = compare(np.zeros(64), change, LOSS)
    assert found["spread"] == pytest.approx(change.std(ddof=1))
    assert find_smallest_difference(found["spread"], 64, found["confidence"]) == pytest.approx(
        found["detectable"], rel=0.1
    )

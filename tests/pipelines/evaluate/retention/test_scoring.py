import numpy as np
import pytest

from tuneline.parameters import Evaluation, Retention
from tuneline.pipelines.evaluate.retention import list_suite, score_retention

EVALUATION = Evaluation(title="Pots", generation={})
RIGHT, WRONG = "yes", "no"
TRIALS = 400


def make_rows(**kinds: tuple[list[bool], list[bool]]) -> list[dict]:
    """Make answered rows: by kind, which of them base and tuned model have right."""
    return [
        {
            "id": f"{kind} {number}",
            "kind": kind,
            "prompt": f"{kind} {number}?",
            "check": {"equals": RIGHT},
            "base_answer": RIGHT if base else WRONG,
            "tuned_answer": RIGHT if tuned else WRONG,
        }
        for kind, pairs in kinds.items()
        for number, (base, tuned) in enumerate(zip(*pairs, strict=True))
    ]


def share(right: int, of: int = 20) -> list[bool]:
    return [True] * right + [False] * (of - right)


def test_the_same_answers_are_kept_and_not_merely_no_difference():
    scores = score_retention(make_rows(a=(share(30, 60), share(30, 60))), EVALUATION)
    assert scores["result"] == scores["kinds"]["a"]["result"] == "kept"
    # Tango's lower end without any difference is -z² / (n + z²), with z = 1.645.
    assert scores["all"]["interval"][0] == pytest.approx(-100 * 2.7055 / 62.7055, abs=0.01)


def test_few_prompts_without_a_difference_show_nothing():
    scores = score_retention(make_rows(a=(share(6, 10), share(6, 10))), EVALUATION)
    assert scores["result"] == "cannot be told"
    assert "cannot be told" in scores["summary"]


def test_the_margin_decides_what_is_kept():
    rows = make_rows(a=(share(60, 100), share(56, 100)))
    wide = Evaluation(title="", generation={}, retention=Retention(margin=15))
    narrow = Evaluation(title="", generation={}, retention=Retention(margin=3))
    assert score_retention(rows, wide)["result"] == "kept"
    assert score_retention(rows, narrow)["result"] != "kept"


def test_what_was_lost_is_named_by_kind_and_prompt():
    rows = make_rows(a=(share(18), share(3)), b=(share(18), share(18)), c=(share(16), share(16)))
    scores = score_retention(rows, EVALUATION)
    assert scores["result"] == "lost"
    assert {name: found["result"] for name, found in scores["kinds"].items()} == {
        "a": "lost",
        "b": "kept",
        "c": "kept",
    }
    assert [row["id"] for row in scores["forgotten"]] == [f"a {n}" for n in range(3, 18)]
    assert "Lost: a." in scores["summary"]
    assert "of 60 general prompts it has 37 right, the base model 52" in scores["summary"]


def test_kinds_that_the_base_model_cannot_do_are_named_and_not_counted():
    rows = make_rows(a=(share(18), share(18)), b=(share(4), share(0)), c=(share(0), share(20)))
    scores = score_retention(rows, EVALUATION)
    assert scores["kinds"]["b"]["result"] == scores["kinds"]["c"]["result"] == "not counted"
    assert (scores["all"]["prompts"], scores["all"]["won"], scores["all"]["lost"]) == (20, 0, 0)
    assert scores["summary"].endswith("has at most 20 % right: b, c.")
    nothing = score_retention(make_rows(b=(share(4), share(0))), EVALUATION)
    assert (nothing["result"], nothing["all"]) == ("cannot be told", None)


def test_nothing_is_scored_where_nothing_was_asked():
    off = EVALUATION.model_copy(update={"retention": None})
    assert score_retention([], EVALUATION) == score_retention(make_rows(), off) == {}


@pytest.mark.parametrize("changed", [0.05, 0.2, 0.5])
def test_a_loss_where_there_is_none_is_rare(changed: float):
    """Answers that change at random, as often for the better as for the worse: ten kinds."""
    rng, false = np.random.default_rng(7), 0
    chances = np.repeat([0.1, 0.25, 0.3, 0.5, 0.5, 0.7, 0.8, 0.9, 0.95, 0.2], 20)
    for _ in range(TRIALS):
        base, other = (rng.random(200) < chances for _ in range(2))
        tuned = np.where(rng.random(200) < changed, other, base)
        kinds = {
            f"k{n}": (list(base[20 * n : 20 * n + 20]), list(tuned[20 * n : 20 * n + 20]))
            for n in range(10)
        }
        false += score_retention(make_rows(**kinds), EVALUATION)["result"] == "lost"
    assert false / TRIALS <= 0.06 + 2 * (0.06 * 0.94 / TRIALS) ** 0.5


def test_what_is_kept_by_mistake_is_rare():
    """The tuned model is worse by exactly the margin: then one in twenty may be called kept."""
    rng, false = np.random.default_rng(8), 0
    for _ in range(TRIALS):
        draw = rng.random(200)
        base, tuned = draw < 0.65, (draw < 0.5) | (draw > 0.95)  # 15 % lost, 5 % gained
        found = score_retention(make_rows(a=(list(base), list(tuned))), EVALUATION)
        false += found["all"]["result"] == "kept"
    assert false / TRIALS <= 0.06 + 2 * (0.06 * 0.94 / TRIALS) ** 0.5


def test_a_loss_of_a_fifth_is_found():
    rng, found = np.random.default_rng(9), 0
    for _ in range(100):
        draw = rng.random(200)
        base, tuned = draw < 0.7, (draw < 0.45) | (draw > 0.95)
        found += score_retention(make_rows(a=(list(base), list(tuned))), EVALUATION)["result"] == (
            "lost"
        )
    assert found >= 95


def test_the_suite_has_what_the_rows_need():
    rows = [row | {"base_answer": "", "tuned_answer": ""} for row in list_suite(EVALUATION)]
    scores = score_retention(rows, EVALUATION)
    assert len(scores["kinds"]) == 10
    assert len(scores["suite"]) == 12


def test_the_tuned_model_need_not_answer_what_does_not_count():
    rows = make_rows(a=(share(18), share(18)), b=(share(2), share(0)))
    unasked = [row | ({"tuned_answer": None} if row["kind"] == "b" else {}) for row in rows]
    scores = score_retention(unasked, EVALUATION)
    assert scores == score_retention(rows, EVALUATION)
    assert (scores["kinds"]["b"]["base"], scores["kinds"]["b"]["tuned"]) == (2, None)

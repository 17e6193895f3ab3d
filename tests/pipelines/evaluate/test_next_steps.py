"""Each step follows from its number, names its key, and is silent where the number is fine."""

from typing import Any

import pytest

from tests.pipelines.evaluate.rows import make_row
from tuneline.parameters import UseCase
from tuneline.pipelines.evaluate.next_steps import suggest_next_steps

FINE: dict[str, Any] = {"base": 50.0, "tuned": 50.0, "difference": 0.0, "result": "—"}
COUNTING = ("chrf", "key_recall")
CHRF: dict[str, Any] = {
    "label": "chrF",
    "decimals": 1,
    "base": 20.0,
    "tuned": 26.0,
    "difference": 6.0,
    "result": "better",
    "rows": 64,
    "groups": 64,
    "detectable": 4.0,
}
TRAINING: dict[str, Any] = {}
PLAN: dict[str, Any] = {
    "examples": {"train": 1000, "validation": 64, "test": 64},
    "steps": {"total": 400},
    "overlong": {"ids": [], "policy": "fail"},
    "tokens": {"longest": 300},
}


def make_scores(verdict: str = "better", categories: dict | None = None, **metrics: dict) -> dict:
    return {
        "verdict": {
            "label": verdict,
            "metrics": [n for n in ("chrf", "key_recall") if n in metrics],
        },
        "metrics": {"truncation_rate": {**FINE, "tuned": 0.0}, **metrics},
        "categories": categories or {},
        "groups": 64,
    }


def score_row(base: float, tuned: float, flaws: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "base": {"metrics": {name: [base, 1] for name in COUNTING}, "flaws": []},
        "tuned": {"metrics": {name: [tuned, 1] for name in COUNTING}, "flaws": list(flaws)},
    }


ANSWERS = [make_row(number, "a", "b", "c", category="pots") for number in range(4)]
SCORED = [score_row(50, tuned) for tuned in (60, 20, 40, 50)]


@pytest.fixture
def suggest(parameters: UseCase):
    """Give what suggests the steps of the main use case; only what matters is stated."""

    def call(
        scores: dict,
        training: dict | None = None,
        plan: dict | None = None,
        scored: list[dict] = SCORED,
        folds: int | None = None,
        retention: dict | None = None,
        replay: float = 0.0,
    ) -> list[dict]:
        return suggest_next_steps(
            scores,
            ANSWERS,
            scored,
            TRAINING | (training or {}),
            PLAN | (plan or {}),
            parameters.data.model_copy(update={"replay": replay}),
            parameters.recipe,
            parameters.evaluation.model_copy(update={"cross_fit": folds}),
            retention,
        )["steps"]

    return call


def test_where_all_is_fine_one_is_told_to_ask(suggest):
    (only,) = suggest(make_scores(chrf=CHRF))
    assert (only["key"], only["value"], only["rows"]) == (None, None, [])
    assert "better" in only["found"]
    (other,) = suggest(make_scores("worse"))
    assert other["do"].startswith("Read the answers")


def test_what_the_training_says_of_its_losses_is_handed_on(suggest):
    found = "Not converged: the validation loss falls by 3.1% in another epoch"
    curve = {"found": found, "do": "Train for more epochs", "key": "recipe.num_train_epochs"}
    first = suggest(make_scores(chrf=CHRF), {"curve": curve | {"value": 4}})[0]
    assert (first["found"], first["do"]) == (found, "Train for more epochs.")
    assert (first["key"], first["value"]) == ("recipe.num_train_epochs", 4)
    settled = {"found": "It stayed the same", "do": "", "key": None, "value": None}
    assert "better" in suggest(make_scores(chrf=CHRF), {"curve": settled})[0]["found"]


@pytest.mark.parametrize(
    ("longest", "key"),
    [(500, "evaluation.generation.max_new_tokens"), (9, "recipe.num_train_epochs")],
)
def test_answers_that_are_cut_ask_for_a_higher_limit_if_references_are_longer(
    suggest, monkeypatch: pytest.MonkeyPatch, longest: int, key: str
):
    monkeypatch.setitem(ANSWERS[0], "reference_tokens", longest)
    cut = {**FINE, "tuned": 40.0}
    first = suggest(make_scores(chrf=CHRF, truncation_rate=cut))[0]
    assert "40 % of the tuned answers were cut" in first["found"]
    assert first["key"] == key
    assert first["value"] == (500 if longest == 500 else None)


def test_better_on_one_and_worse_on_another_leads_to_the_rows_that_lost_most(suggest):
    recall = {**CHRF, "label": "Number and key-term recall", "difference": -9.0, "result": "worse"}
    first = suggest(make_scores("mixed", chrf=CHRF, key_recall=recall))[0]
    assert first["found"] == "Better on chrF, worse on Number and key-term recall (−9.0)"
    assert first["key"] == "prompt.prompt"
    assert first["rows"] == [1, 2]


def test_a_category_that_is_worse_leads_to_its_rows(suggest):
    worse = {"pots": {"chrf": {**CHRF, "difference": -5.0, "result": "worse"}}}
    first = suggest(make_scores(chrf=CHRF, categories=worse))[0]
    assert "pots: chrF −5.0 over 64 prompts" in first["found"]
    assert first["rows"] == [1, 2]


@pytest.mark.parametrize(
    ("difference", "words", "value"), [(2.0, "measured +2.0", 256), (0.1, "more than 500", 500)]
)
def test_a_difference_that_so_few_prompts_cannot_show_asks_for_more(
    suggest, difference: float, words: str, value: int
):
    unclear = {**CHRF, "difference": difference, "result": "no significant difference"}
    first = suggest(make_scores("no significant difference", chrf=unclear))[0]
    assert words in first["found"]
    assert (first["key"], first["value"]) == ("data.split.test", value)


def test_few_rows_are_to_be_held_out_once_each_and_then_only_more_rows_help(suggest):
    few = {"examples": {"train": 70, "validation": 10, "test": 19}}
    unclear = {**CHRF, "detectable": None, "result": "no significant difference"}
    scores = make_scores("no significant difference", chrf=unclear)
    first = suggest(scores, plan=few)[0]
    assert (first["key"], first["value"]) == ("evaluation.cross_fit", 5)
    done = suggest(scores, plan=few, folds=5)[0]
    assert done["do"] == "Every row is held out already: bring more rows."
    enough = {"examples": {**few["examples"], "train": 71}}
    assert suggest(scores, plan=enough)[0]["key"] == "data.split.test"


def test_loops_copies_and_long_examples_are_named_with_their_keys(suggest, parameters: UseCase):
    copied = {**FINE, "tuned": 12.0}
    overlong = {"overlong": {"ids": ["1", "2"], "policy": "truncate"}}
    looping = [score_row(50, 60, ("loops", "cut at the length limit")), *SCORED[1:]]
    scores = make_scores(chrf=CHRF, copied_whole=copied)
    steps = suggest(scores, plan=overlong, scored=looping)
    assert [(step["key"], step["value"]) for step in steps[:3]] == [
        ("evaluation.generation.repetition_penalty", 1.1),
        ("recipe.num_train_epochs", 1),
        ("recipe.max_length", 300),
    ]
    assert (steps[0]["found"], steps[0]["rows"]) == ("1 tuned answer of 4 loops", [0])
    assert "2 training examples longer than" in steps[2]["found"]


def test_what_was_lost_asks_for_answers_of_the_base_model(suggest):
    whole = {"prompts": 200, "base": 150, "tuned": 90}
    kinds = {"arithmetic": {"result": "lost"}, "reading": {"result": "kept"}}
    lost = {"result": "lost", "all": whole, "kinds": kinds}
    (step,) = [one for one in suggest(make_scores(chrf=CHRF), retention=lost) if one["key"]]
    assert (step["key"], step["value"]) == ("data.replay", 0.1)
    assert "150 right and the tuned model 90: lost in arithmetic" in step["found"]
    (more,) = [
        one for one in suggest(make_scores(chrf=CHRF), retention=lost, replay=0.2) if one["key"]
    ]
    assert more["value"] == 0.4
    for result in ("kept", "cannot be told"):
        same = suggest(make_scores(chrf=CHRF), retention=lost | {"result": result})
        assert all(one["key"] != "data.replay" for one in same)

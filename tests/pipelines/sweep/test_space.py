import pytest

from tests.conftest import load_parameters
from tuneline.parameters import Recipe, Sweep
from tuneline.parameters.sweep import count_kept, list_rungs, list_trials


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    changes = {"learning_rate": 2e-3, "num_train_epochs": 1, "seed": 7}
    return load_parameters().recipe.model_copy(update=changes)


def test_without_yaml_learning_rates_and_epochs_are_tried(recipe: Recipe):
    trials = list_trials(recipe, Sweep())
    names = [one.name for one in trials]
    assert len(names) == 5
    assert names[0] == "as it is"
    assert {"learning_rate 0.000667", "learning_rate 0.006", "num_train_epochs 2"} < set(names)
    both = next(one for one in trials if len(one.values) == 2)
    assert both.recipe.num_train_epochs == 2
    assert both.recipe.learning_rate in (0.000667, 0.006)
    assert [one.values for one in list_trials(recipe, Sweep())] == [one.values for one in trials]


def test_any_key_is_tried_once_and_the_recipe_first(recipe: Recipe):
    r = recipe.lora["r"]
    sweep = Sweep(space={"lora.r": [r, 4, 4], "weight_decay": [0.1]}, trials=9)
    trials = list_trials(recipe, sweep)
    assert [one.name for one in trials] == [
        "as it is",
        "weight_decay 0.1",
        "lora.r 4",
        "lora.r 4, weight_decay 0.1",
    ]
    assert trials[2].recipe.lora == {**recipe.lora, "r": 4}
    assert trials[0].recipe == recipe


def test_a_third_goes_on_at_each_rung():
    assert [list_rungs(count) for count in (2, 3, 5, 8)] == [[1.0], *[[1 / 3, 1.0]] * 3]
    assert list_rungs(9) == list_rungs(100) == [1 / 9, 1 / 3, 1.0]
    assert [count_kept(alive) for alive in (1, 2, 3, 5, 9)] == [1, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"trials": 1}, "1 trial compares nothing"),
        ({"trials": 0}, "0 trials compare nothing"),
        ({"space": {"learning_rate": []}}, "`space` names `learning_rate` without a value"),
    ],
)
def test_a_sweep_that_compares_nothing_is_refused(block: dict, words: str):
    with pytest.raises(ValueError, match=words):
        Sweep.model_validate(block)

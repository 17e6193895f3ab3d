from collections import Counter

import numpy as np
import pytest

from tuneline.parameters import Recipe
from tuneline.pipelines.train.curve import Curve, Finding, measure_noise
from tuneline.pipelines.train.findings import read_curve
from tuneline.pipelines.train.forecast import forecast_losses

TOTAL, EPOCH = 300, 100
CURVES = {
    "flat": lambda x: 1.5 + 0 * x,
    "settled": lambda x: 1.2 + 0.8 * np.exp(-12 * x),
    "power, settled": lambda x: 1.2 + 0.02 * x**-0.8,
    "power": lambda x: 1 + 0.5 * x**-0.5,
    "exponential": lambda x: 1 + np.exp(-1.2 * x),
    "overfitted": lambda x: 1 + 0.5 * np.exp(-8 * x) + 0.6 * np.maximum(0, x - 0.35),
    "not learned": lambda x: 2 + 0 * x,
}
FALLING, SAYS_FALLING = {"power", "exponential"}, {"not converged", "still falling"}
# What is true of each curve; the end of a settled one may also show no trend for noise.
SAYS_NOTHING = {"settled", "no trend"}
TRUE = {
    "flat": SAYS_NOTHING,
    "settled": SAYS_NOTHING,
    "power, settled": SAYS_NOTHING,
    "power": SAYS_FALLING | {"no trend"},
    "exponential": SAYS_FALLING | {"no trend"},
    "overfitted": {"overfitted", "no trend"},
    "not learned": SAYS_NOTHING | {"nothing learned"},
}


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    changes = {"num_train_epochs": 3, "early_stopping_patience": None, "learning_rate": 3e-4}
    return recipe.model_copy(update=changes)


def make_curve(
    losses: list[float], total: int = TOTAL, base: float = 2.0, training: float = 1.0
) -> Curve:
    """Make a curve of evenly spaced measurements; the training loss falls to `training`."""
    steps = np.linspace(total / len(losses), total, len(losses))
    return Curve(
        base=base,
        steps=steps,
        losses=np.array(losses, float),
        training_steps=steps,
        training_losses=np.linspace(2, training, len(losses)),
        steps_per_epoch=total / 3,
        planned=total,
    )


def plant(kind: str, count: int, noise: float, random: np.random.Generator) -> Curve:
    losses = CURVES[kind](np.linspace(1 / count, 1, count))
    return make_curve([*(losses * (1 + noise * random.standard_normal(count)))])


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.02])
def test_false_statements_are_rare(noise: float, recipe: Recipe):
    random, told = np.random.default_rng(0), Counter()
    for kind in CURVES:
        for count in (3, 4, 5, 7, 12):
            for _ in range(10):
                state = read_curve(plant(kind, count, noise, random), recipe).state
                told[state in TRUE[kind]] += 1
                told[kind, state] += 1
    assert told[False] <= 3, told  # of 350


@pytest.mark.parametrize("count", [6, 10])
def test_what_is_planted_is_found(count: int, recipe: Recipe):
    random = np.random.default_rng(1)
    for kind, states in (("overfitted", {"overfitted"}), *((one, SAYS_FALLING) for one in FALLING)):
        found = [read_curve(plant(kind, count, 0.005, random), recipe).state for _ in range(20)]
        assert sum(one in states for one in found) >= 19, kind


def test_the_steps_of_a_planted_power_law_are_in_the_interval():
    """The law 1 + 0.5 (s/300)^-0.5: an epoch gains less than 1 % from step 1,000 on."""
    at = np.linspace(TOTAL, 10 * TOTAL, 10_000)
    law = 1 + 0.5 * (at / TOTAL) ** -0.5
    later = 1 + 0.5 * ((at + EPOCH) / TOTAL) ** -0.5
    more = at[np.argmax((law - later) / law < 0.01)] - TOTAL
    assert more == pytest.approx(700, abs=2)
    random, inside = np.random.default_rng(2), 0
    for _ in range(40):
        curve = plant("power", 10, 0.005, random)
        found = forecast_losses(curve)
        assert found
        inside += found.least <= more and (found.most is None or more <= found.most)
    assert inside >= 32  # of 40, with an interval of 90 %


def read(recipe: Recipe, losses: list[float], **more: float) -> Finding:
    return read_curve(make_curve(losses, **more), recipe)  # type: ignore[arg-type]


def test_a_fall_that_goes_on_names_its_steps_and_the_epochs_to_state(recipe: Recipe):
    found = read(recipe, [*(1 + 0.5 * np.linspace(0.1, 1, 10) ** -0.5)])
    words = found.format()
    assert words.startswith("Not converged: by a power law through its 10 measurements the valid")
    assert "falls by 4.5% in another epoch" in words
    assert "by less than 1% an epoch only after about 700 more steps (700 to 700)" in words
    assert "Train for more epochs (recipe.num_train_epochs: 1" in words


def test_overfitting_names_since_when_and_the_epochs_of_its_lowest(recipe: Recipe):
    found = read(recipe, [1.5, 1.2, 1.0, 1.1, 1.25, 1.4])
    assert found.format().startswith(
        "Overfitted: since epoch 1.5 (step 150) the validation loss has risen (1.000 → 1.400) and "
        "the training loss fallen (1.800 → 1.200)."
    )
    assert (found.key, found.value) == ("recipe.num_train_epochs", 2)
    one = read(recipe.model_copy(update={"num_train_epochs": 1}), [1.5, 1.2, 1.0, 1.1, 1.25, 1.4])
    assert (one.key, one.value) == ("recipe.early_stopping_patience", 3)


def test_a_rise_without_a_falling_training_loss_is_not_called_overfitting(recipe: Recipe):
    found = read(recipe, [1.0, 1.2, 1.3], training=2.5)
    assert found.state == "rising"
    assert (found.key, found.value) == ("recipe.learning_rate", 1e-4)


@pytest.mark.parametrize(
    ("losses", "total", "state", "key", "value"),
    [
        ([1.99, 1.995], 40, "too few steps", "recipe.num_train_epochs", 8),
        ([1.99, 1.995], 400, "nothing learned", "recipe.learning_rate", 9e-4),
        ([2.3, 2.2], 400, "got worse", "recipe.learning_rate", 1e-4),
        ([1.2], 400, "not known", "recipe.eval_steps", 0.1),
        ([1.2, 1.0], 400, "not known", "recipe.eval_steps", 0.1),
        ([1.0, 1.3], 400, "not known", "recipe.eval_steps", 0.1),
        ([1.2, 1.0], 20, "few steps", "recipe.num_train_epochs", 15),
        ([1.2, 1.0, 0.9], 400, "still falling", "recipe.num_train_epochs", 4),
        ([1.2, 1.0, 0.98], 400, "no trend", None, None),
        ([1.2, 1.0, 1.001, 0.999], 400, "settled", None, None),
    ],
)
def test_each_state_has_its_key(
    recipe: Recipe, losses: list, total: int, state: str, key: str | None, value: object
):
    found = read(recipe, losses, total=total)
    assert (found.state, found.key, found.value) == (state, key, value)
    assert found.format().endswith(".")


def test_a_training_that_one_evaluation_stopped_asks_for_patience(recipe: Recipe):
    impatient = recipe.model_copy(update={"early_stopping_patience": 1})
    curve = make_curve([1.2, 1.0, 1.02], total=120)
    stopped = Curve(**{**vars(curve), "planned": 400})
    found = read_curve(stopped, impatient)
    assert found.found.startswith("It was stopped after step 120 of 400, as 1 evaluation was no be")
    assert (found.key, found.value) == ("recipe.early_stopping_patience", 3)


def test_noise_is_estimated_upward():
    random = np.random.default_rng(3)
    assert measure_noise(np.ones(4)) is None
    assert measure_noise(np.ones(9)) == 0.005
    found = [measure_noise(1 + 0.02 * random.standard_normal(12)) for _ in range(200)]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(0.02, rel=0.05)  # type: ignore[arg-type]
    assert measure_noise(1 + np.exp(-np.linspace(0, 4, 10))) > 0.005  # type: ignore[operator]

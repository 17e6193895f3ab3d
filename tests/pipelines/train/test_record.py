import pandas as pd
import pytest
import torch

from tuneline.models.adapter import Adapter
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.nodes import plot_epochs
from tuneline.pipelines.train.record import describe_training, list_epochs, make_log
from tuneline.training.best_checkpoint import BY_LOSS

PLAN = {
    "steps": {"total": 15},
    "tokens": {"in_all": 5000},
    "time": {"training": {"seconds": 36, "cost": 0.5}},
    "memory_gb": {"total": 1.0},
    "parameters": {"trainable": 100, "trainable_share": 0.0057},
    "adapter_megabytes": 0.0,
    "overlong": {
        "used": {"train": 70, "validation": 10},
        "left_out": {"train": 0, "validation": 0},
        "cut": {"train": 0, "validation": 0},
    },
}


def make_training_log(training: list[float], validation: list[float]) -> pd.DataFrame:
    entries = [{"step": 0, "epoch": 0, "eval_loss": 2.0, "num_tokens": 0, "seconds": 1.0}]
    for number, (loss, eval_loss) in enumerate(zip(training, validation, strict=True), start=1):
        at = {"step": 5 * number, "epoch": float(number), "num_tokens": 1000 * number}
        at["seconds"] = 10.0 * number
        entries += [{**at, "loss": loss}, {**at, "eval_loss": eval_loss, "eval_entropy": 0.5}]
        entries[-1]["eval_mean_token_accuracy"] = 0.9
    return make_log(entries)


def record(
    recipe: Recipe,
    hardware: Hardware,
    training: list[float],
    validation: list[float],
    plan: dict = PLAN,
):
    log = make_training_log(training, validation)
    best = 5 * (validation.index(min(validation)) + 1)
    facts = {"released_step": best, "steps": 15, "device": "T4", "peak_memory_gb": 0.9}
    adapter = Adapter({}, {"a": torch.zeros(100)}, None, {"versions": {"trl": "1"}})
    priced = hardware.model_copy(update={"price_per_hour": 3.6})
    return describe_training(list_epochs(log), log, facts, plan, adapter, recipe, priced)


def test_the_words_of_the_record_are_those_of_its_curve(recipe: Recipe, hardware: Hardware):
    found = record(recipe, hardware, [1.0, 0.5, 0.2], [1.2, 1.0, 1.3])
    assert found["best"] == {
        "step": 10,
        "epoch": 2.0,
        "validation_loss": 1.0,
        "chosen_by": "loss",
    }
    assert found["summary"].startswith(
        "The released adapter is the one after step 10 (epoch 2): validation loss 1.0000, the base "
        f"model's 2.0000 (-50%). The validation loss chose it: {BY_LOSS.reason}. "
        "Overfitted: since epoch 2 (step 10) the validation loss has risen "
        "(1.000 → 1.300) and the training loss fallen (0.500 → 0.200)."
    )
    assert found["curve"]["state"] == "overfitted"
    assert found["curve"]["key"].startswith("recipe.")
    once = record(recipe, hardware, [1.0], [1.2])
    assert once["curve"]["state"] in {"few steps", "not known"}


def test_examples_that_were_not_used_are_said(recipe: Recipe, hardware: Hardware):
    assert "longer than" not in record(recipe, hardware, [1.0], [1.2])["summary"]
    overlong = {
        "used": {"train": 70, "validation": 8},
        "left_out": {"train": 0, "validation": 2},
        "cut": {"train": 3, "validation": 0},
    }
    found = record(recipe, hardware, [1.0], [1.2], PLAN | {"overlong": overlong})
    assert found["examples"] == overlong
    assert (
        "2 of 10 validation examples, longer than recipe.max_length = 256, not" in found["summary"]
    )
    assert "3 of 70 training examples, longer" in found["summary"]


@pytest.mark.parametrize(
    ("logged", "loss"),
    [
        ({4: 10.0, 8: 6.0, 9: 1.0}, (4 * 10 + 4 * 6 + 1) / 9),
        ({1: 10.0, 9: 1.0}, (10 + 8) / 9),
        ({9: 3.0}, 3.0),
    ],
)
def test_the_loss_of_an_epoch_counts_every_step_once(logged: dict[int, float], loss: float):
    """A logged loss is the mean of the steps since the one logged before."""
    last = max(logged)
    entries: list[dict] = [{"step": 0, "epoch": 0, "eval_loss": 2.0}]
    entries += [{"step": step, "epoch": step / last, "loss": one} for step, one in logged.items()]
    end = {"step": last, "epoch": 1.0, "eval_loss": 1.0, "eval_mean_token_accuracy": 0.5}
    entries.append(end | {"eval_entropy": 1.0})
    log = make_log([one | {"num_tokens": 10, "seconds": 1.0} for one in entries])
    assert list_epochs(log)["training_loss"].tolist() == [pytest.approx(loss, abs=1e-4)]


def test_the_losses_of_two_epochs_are_kept_apart():
    log = make_training_log([4.0, 2.0], [3.0, 2.0])
    half = {"step": 7, "epoch": 1.4, "loss": 3.0, "num_tokens": 1, "seconds": 1.0}
    log = pd.concat([log, pd.DataFrame([half])]).sort_values("step")
    assert list_epochs(log)["training_loss"].tolist() == [4.0, (2 * 3 + 3 * 2) / 5]


def test_plan_and_actual_are_side_by_side(recipe: Recipe, hardware: Hardware):
    found = record(recipe, hardware, [1.0, 0.5, 0.2], [1.2, 1.0, 0.9])
    rows = {row["name"]: (row["planned"], row["actual"]) for row in found["comparison"]}
    assert rows["steps"] == (15, 15)
    assert rows["tokens"] == (5000, 3000)
    assert rows["wall time"] == pytest.approx((0.01, 30 / 3600), abs=1e-4)
    assert rows["cost"] == (0.5, 0.03)
    assert rows["peak memory"] == (1.0, 0.9)
    assert found["tokens_per_second"] == 100.0


def test_the_epochs_have_what_a_team_would_write_down():
    epochs = list_epochs(make_training_log([1.0, 0.5], [1.2, 1.0]))
    assert epochs.to_dict("list") == {
        "epoch": [1.0, 2.0],
        "step": [5, 10],
        "training_loss": [1.0, 0.5],
        "validation_loss": [1.2, 1.0],
        "token_accuracy": [90.0, 90.0],
        "entropy": [0.5, 0.5],
        "tokens": [1000, 2000],
        "seconds": [10.0, 20.0],
    }
    assert [trace.name for trace in plot_epochs(epochs).data] == [
        "training loss",
        "validation loss",
    ]

import pandas as pd
import pytest
import torch

from tuneline.adapters import Adapter
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.epochs import list_epochs, make_log
from tuneline.pipelines.train.nodes import plot_epochs
from tuneline.pipelines.train.record import describe_training

PLAN = {
    "steps": {"total": 15},
    "tokens": {"in_all": 5000},
    "time": {"seconds": 36, "cost": 0.5},
    "memory_gb": {"total": 1.0},
    "parameters": {"trainable": 100, "trainable_share": 0.0057},
    "adapter_megabytes": 0.0,
}


def make_training_log(training: list[float], validation: list[float]) -> pd.DataFrame:
    entries = [{"step": 0, "epoch": 0, "eval_loss": 2.0, "num_tokens": 0, "seconds": 1.0}]
    for number, (loss, eval_loss) in enumerate(zip(training, validation, strict=True), start=1):
        at = {"step": 5 * number, "epoch": float(number), "num_tokens": 1000 * number}
        at["seconds"] = 10.0 * number
        entries += [{**at, "loss": loss}, {**at, "eval_loss": eval_loss, "eval_entropy": 0.5}]
        entries[-1]["eval_mean_token_accuracy"] = 0.9
    return make_log(entries)


def record(recipe: Recipe, hardware: Hardware, training: list[float], validation: list[float]):
    log = make_training_log(training, validation)
    best = 5 * (validation.index(min(validation)) + 1)
    facts = {"released_step": best, "steps": 15, "device": "T4", "peak_memory_gb": 0.9}
    adapter = Adapter({}, {"a": torch.zeros(100)}, None, {"versions": {"trl": "1"}})
    priced = hardware.model_copy(update={"price_per_hour": 3.6})
    return describe_training(list_epochs(log), log, facts, PLAN, adapter, recipe, priced)


def test_overfitting_is_named_with_its_epoch(recipe: Recipe, hardware: Hardware):
    found = record(recipe, hardware, [1.0, 0.5, 0.2], [1.2, 1.0, 1.3])
    assert found["best"] == {"step": 10, "epoch": 2.0, "validation_loss": 1.0}
    assert "After epoch 2 it was overfitting" in found["words"]
    assert "rose by 30%" in found["words"]


def test_a_loss_that_still_falls_and_one_that_rests_are_told_apart(
    recipe: Recipe, hardware: Hardware
):
    assert "more epochs may" in record(recipe, hardware, [1, 0.8, 0.7], [1.2, 1.0, 0.9])["words"]
    resting = record(recipe, hardware, [1, 0.8, 0.7], [1.2, 1.0, 1.001])["words"]
    assert "stayed about the same" in resting


def test_plan_and_actual_stand_side_by_side(recipe: Recipe, hardware: Hardware):
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

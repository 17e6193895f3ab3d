from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.training.small_runs import make_examples, make_plan, shrink, train
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.nodes import check_plan, plot_losses, train_adapter

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-3), ("bfloat16", 2e-2)])
def test_packed_and_padded_in_whatever_batches_the_same_is_learned(
    dtype: str, tolerance: float, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    settings = [
        ({"packing": True}, {"tokens_per_batch": 60}),
        ({"packing": True}, {"tokens_per_batch": 500}),
        ({"packing": False}, {"per_device_train_batch_size": 8}),
        ({"packing": False}, {"per_device_train_batch_size": 2}),
    ]
    runs = [
        train(
            shrink(recipe, num_train_epochs=1, **changes),
            hardware.model_copy(update={"dtype": dtype, **machine}),
            tmp_path / str(number),
        )
        for number, (changes, machine) in enumerate(settings)
    ]
    first = runs[0][1]
    for _, log, _ in runs[1:]:
        for column in ("loss", "eval_loss", "eval_mean_token_accuracy"):
            torch.testing.assert_close(
                torch.tensor(log[column].dropna().tolist()),
                torch.tensor(first[column].dropna().tolist()),
                rtol=tolerance,
                atol=tolerance,
            )


def test_training_lowers_the_validation_loss_and_checkpointing_changes_nothing(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, log, _ = train(shrink(recipe), hardware, tmp_path / "plain")
    losses = log["eval_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0] / 2
    checkpointed = hardware.model_copy(update={"gradient_checkpointing": True})
    again, _, _ = train(shrink(recipe), checkpointed, tmp_path / "checkpointed")
    for name, tensor in adapter.tensors.items():
        torch.testing.assert_close(tensor, again.tensors[name], rtol=1e-3, atol=1e-4)


def test_a_plan_that_does_not_fit_is_obeyed(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    plan = make_plan(8, recipe, hardware)
    plan["verdict"] = {"label": "does not fit", "summary": "It needs 99 GB."}
    with pytest.raises(TunelineError, match="It needs 99 GB"):
        train_adapter(make_examples(8), make_examples(2), plan, tmp_path, recipe, hardware)


def test_the_plan_of_other_examples_is_refused(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    plan = make_plan(9, recipe, hardware)
    with pytest.raises(TunelineError, match="plan: training examples"):
        train_adapter(make_examples(8), make_examples(2), plan, tmp_path, recipe, hardware)


@pytest.mark.parametrize(
    ("block", "changes", "words"),
    [
        ("recipe", {"lora": {"r": 99}}, r"plan: recipe\.lora"),
        (
            "recipe",
            {"global_batch_size": 32},
            r"plan: recipe\.global_batch_size = 16: this run has 32",
        ),
        ("hardware", {"gradient_checkpointing": True}, r"plan: hardware\.gradient_checkpointing"),
    ],
)
def test_the_plan_of_another_run_is_refused(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, block: str, changes: dict, words: str
):
    plan = make_plan(8, recipe, hardware)
    blocks = {"recipe": recipe, "hardware": hardware}
    blocks[block] = blocks[block].model_copy(update=changes)
    with pytest.raises(TunelineError, match=words):
        train_adapter(make_examples(8), make_examples(2), plan, tmp_path, **blocks)


def test_another_learning_rate_needs_no_other_plan(recipe: Recipe, hardware: Hardware):
    plan = make_plan(8, recipe, hardware)
    changed = recipe.model_copy(update={"learning_rate": 1e-5})
    check_plan(plan, make_plan(8, changed, hardware)["inputs"])


def test_the_loss_curve_shows_both_losses():
    log = pd.DataFrame({"step": [0, 5], "loss": [None, 2.0], "eval_loss": [3.0, 1.5]})
    names = [trace.name for trace in plot_losses(log).data]
    assert names == ["training", "validation"]

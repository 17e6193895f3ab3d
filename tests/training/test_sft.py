import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.small_runs import shrink, train
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.training.probe import Probe, probe_step
from tuneline.training.sft_arguments import derive_arguments


@pytest.mark.slow
def test_the_best_checkpoint_is_released_and_patience_ends_the_run(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    losses = iter([9.0, 3.0, 2.0, 2.5, 2.6, 2.7])

    def replay(_: torch.Tensor) -> dict[str, float]:
        return {"eval_loss": next(losses), "eval_entropy": 0.0, "eval_mean_token_accuracy": 0.0}

    monkeypatch.setattr("tuneline.training.sft.describe_validation", replay)
    recipe = shrink(recipe, num_train_epochs=6, early_stopping_patience=2, eval_steps=100)
    _, log, facts = train(recipe, hardware, tmp_path)
    assert facts["released_step"] == 12
    assert facts["steps"] == 24
    assert log["eval_loss"].dropna().tolist() == [9.0, 3.0, 2.0, 2.5, 2.6]
    (run,) = tmp_path.iterdir()
    assert {path.name for path in run.glob("checkpoint-*")} >= {"checkpoint-12", "checkpoint-24"}


@pytest.mark.slow
def test_only_the_newest_checkpoints_and_the_best_are_kept(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    _, _, facts = train(shrink(recipe, save_steps=1, save_total_limit=1), hardware, tmp_path)
    (run,) = tmp_path.iterdir()
    kept = {int(path.name.split("-")[1]) for path in run.glob("checkpoint-*")}
    assert kept == {12, facts["released_step"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"loraplus_lr_ratio": 8.0},
        {"lora": {"r": 8, "target_modules": "all-linear", "use_dora": True}},
        {"lora": {"r": 8, "target_modules": "all-linear", "use_rslora": True}},
        {"neftune_noise_alpha": 5.0},
        {"lr_scheduler_type": "cosine_with_restarts", "warmup_steps": 1},
        {"optim": "adafactor"},
        {"loss_type": "dft"},
        {"eval_strategy": "epoch", "save_strategy": "epoch"},
        {"max_steps": 7},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_the_yaml_says_changes_what_is_trained(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, changes: dict
):
    plain = shrink(recipe, num_train_epochs=1)
    changed = shrink(recipe, **{"num_train_epochs": 1, **changes})
    first, _, _ = train(plain, hardware, tmp_path, count=24)
    second, other, facts = train(changed, hardware, tmp_path, count=24)
    assert all(tensor.dtype == torch.float32 for tensor in second.tensors.values())
    assert facts["steps"] == changes.get("max_steps", 3)
    assert other["eval_loss"].iloc[-1] < other["eval_loss"].iloc[0]
    if "eval_strategy" not in changes:
        same = first.tensors.keys() == second.tensors.keys() and all(
            torch.equal(tensor, second.tensors[name]) for name, tensor in first.tensors.items()
        )
        assert not same


@pytest.mark.slow
def test_a_learning_rate_that_breaks_the_loss_stops_the_run_and_names_the_cause(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    with pytest.raises(
        TunelineError, match=r"recipe\.learning_rate = 1\.0: .* are no numbers|is nan"
    ):
        train(
            shrink(
                recipe,
                learning_rate=1.0,
                max_grad_norm=0.0,
                optim="sgd",
                optim_args=None,
                lora={**recipe.lora, "r": 8, "lora_alpha": 1e30},
            ),
            hardware,
            tmp_path,
        )


@pytest.mark.slow
def test_the_measured_first_step_leaves_no_trace(
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.INFO)
    dropping = shrink(recipe, lora={**recipe.lora, "r": 8, "lora_dropout": 0.1}, num_train_epochs=1)
    probed, _, _ = train(dropping, hardware, tmp_path / "probed")
    assert "One step on the longest batch" in caplog.text
    monkeypatch.setattr("tuneline.training.run._probe", lambda *_: None)
    plain, _, _ = train(dropping, hardware, tmp_path / "plain")
    for name, tensor in plain.tensors.items():
        assert torch.equal(tensor, probed.tensors[name])


@pytest.mark.slow
@pytest.mark.parametrize(("checkpointing", "passes"), [(False, 1), (True, 2)])
def test_the_measured_first_step_checkpoints_as_the_training_does(
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkpointing: bool,
    passes: int,
):
    counted: list[int] = []

    def probe(trainer: Any, *arguments: Any) -> Probe:
        layer = trainer.model.get_base_model().model.layers[0].mlp
        hook = layer.register_forward_pre_hook(lambda *_: counted.append(1))
        found = probe_step(trainer, *arguments)
        hook.remove()
        return found

    monkeypatch.setattr("tuneline.training.probe.probe_step", probe)
    hardware = hardware.model_copy(update={"gradient_checkpointing": checkpointing})
    train(shrink(recipe, max_steps=1), hardware, tmp_path, count=24)
    assert len(counted) == passes


@pytest.mark.slow
def test_progress_says_step_loss_speed_time_left_and_money(
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("tuneline.utils.progress.SECONDS_BETWEEN_LINES", 0)
    priced = hardware.model_copy(update={"price_per_hour": 3600.0, "currency": "EUR"})
    train(shrink(recipe, num_train_epochs=1, logging_steps=2), priced, tmp_path)
    lines = [line for line in caplog.messages if line.startswith("Training: 4 steps")]
    assert any("tokens/s" in line and "left" in line and "EUR so far" in line for line in lines)


def test_recipe_keys_reach_sftconfig_and_the_machine_decides_precision(
    recipe: Recipe, hardware: Hardware
):
    recipe = recipe.model_copy(update={"packing": False})
    half = hardware.model_copy(update={"device": "cuda", "dtype": "float16"})
    arguments = derive_arguments(recipe, half)
    assert arguments["weight_decay"] == 0.01
    assert (arguments["fp16"], arguments["bf16"], arguments["use_cpu"]) == (True, False, False)
    assert arguments["gradient_accumulation_steps"] * 4 == recipe.global_batch_size


def test_a_step_has_the_global_batch_however_many_processes_share_it(
    recipe: Recipe, hardware: Hardware
):
    for processes in (1, 2, 4):
        arguments = derive_arguments(recipe, hardware.model_copy(update={"processes": processes}))
        assert arguments["gradient_accumulation_steps"] == 1
        assert arguments["per_device_train_batch_size"] * processes == recipe.global_batch_size

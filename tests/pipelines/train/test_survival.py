import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import PROJECT
from tests.pipelines.train.small_runs import shrink, train
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train import trainer

KILL_POINTS = [
    "die_in_step_3",
    "die_while_writing",
    "die_before_sealing",
    "die_while_removing",
    "die_before_it_is_through",
    "die_before_the_adapter_is_read",
]


def start(folder: Path, moment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pipelines.train.killed_run", str(folder), moment]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_run_killed_at_six_points_ends_bit_for_bit_like_one_that_was_not(tmp_path: Path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    for moment in KILL_POINTS:
        run = start(killed, moment)
        assert run.returncode == -signal.SIGKILL, f"{moment}: {run.stderr[-2000:]}"
    for folder in (killed, whole):
        run = start(folder, "never")
        assert run.returncode == 0, run.stderr[-2000:]
    adapters = [(folder / "adapter.safetensors").read_bytes() for folder in (killed, whole)]
    assert adapters[0] == adapters[1]


def test_a_full_disk_leaves_the_last_checkpoint_to_go_on_from(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    recipe = shrink(recipe, save_steps=2)
    seal, limits = trainer.seal, resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk(checkpoint: Path) -> None:
        seal(checkpoint)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "seal", fill_the_disk)
        try:
            with pytest.raises(TunelineError, match="checkpoint-4: the checkpoint could not be"):
                train(recipe, hardware, tmp_path / "full")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    resumed, log, _ = train(recipe, hardware, tmp_path / "full")
    whole, _, _ = train(recipe, hardware, tmp_path / "whole")
    assert log["step"].tolist()[-1] == 12
    for name, tensor in whole.tensors.items():
        assert torch.equal(tensor, resumed.tensors[name])


def test_changed_inputs_are_named_and_neither_resumed_nor_overwritten(
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def stop(checkpoint: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "remove_old", lambda folder, *_: stop(folder))
        with pytest.raises(KeyboardInterrupt):
            train(shrink(recipe, save_steps=2), hardware, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    _, log, _ = train(shrink(recipe, save_steps=2, learning_rate=1e-3), hardware, tmp_path)
    assert "recipe.learning_rate = 0.004 there, 0.001 here" in caplog.text
    assert log["step"].iloc[0] == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_run_that_is_through_is_not_trained_again(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    first, _, _ = train(shrink(recipe), hardware, tmp_path)
    caplog.clear()
    again, _, _ = train(shrink(recipe, save_steps=3), hardware, tmp_path)
    assert "is through already" in caplog.text
    assert "step 1" not in caplog.text
    assert all(torch.equal(tensor, again.tensors[name]) for name, tensor in first.tensors.items())

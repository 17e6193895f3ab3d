import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import Trainer

from tests.commands import fork
from tests.conftest import PROJECT, TINY_BASE
from tests.training import killed_run
from tests.training.small_runs import shrink, train
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.training import sft
from tuneline.training.checkpoints import find_checkpoint
from tuneline.utils.hashing import read_sealed

pytestmark = pytest.mark.slow

KILL_POINTS = [
    "die_in_step_3",
    "die_while_writing",
    "die_before_sealing",
    "die_while_removing",
    "die_before_it_is_through",
    "die_before_the_adapter_is_read",
]


@pytest.mark.parametrize(
    ("dtype", "memory_gb", "quantized", "moments"),
    [
        ("float32", 8, True, KILL_POINTS),
        ("float32", 0.01, True, KILL_POINTS[:1]),  # which keeps its 4 bits
        ("bfloat16", 8, False, KILL_POINTS[:1]),
    ],
)
def test_a_run_that_was_killed_ends_bit_for_bit_like_one_that_was_not(
    dtype: str, memory_gb: float, quantized: bool, moments: list[str], tmp_path: Path
):
    def start(folder: Path, moment: str) -> subprocess.CompletedProcess[str]:
        return fork(killed_run.main, folder, moment, dtype, memory_gb, quantized)

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    for moment in moments:
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
    seal, limits = sft.seal, resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_the_disk(checkpoint: Path) -> None:
        seal(checkpoint)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))

    with monkeypatch.context() as patch:
        patch.setattr(sft, "seal", fill_the_disk)
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


def test_a_full_disk_is_named_whatever_a_library_raises(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tokenizer = Tokenizer.from_file(str(PROJECT / TINY_BASE / "tokenizer.json"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def save(*_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            tokenizer.save(str(tmp_path / "tokenizer.json"))  # its error is a bare Exception
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(Trainer, "_save_checkpoint", save)
    with pytest.raises(TunelineError, match=r"could not be written \(File too large"):
        train(shrink(recipe), hardware, tmp_path)


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def stop_after(name: str, train_it: Callable[[], object]) -> None:
    """Stop a training when its checkpoint of this name is sealed, before old ones are removed."""
    seal = sft.seal

    def stop(checkpoint: Path) -> None:
        seal(checkpoint)
        if checkpoint.name == name:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sft, "seal", stop)
        with pytest.raises(KeyboardInterrupt):
            train_it()


@pytest.fixture
def interrupted(recipe: Recipe, hardware: Hardware, tmp_path: Path) -> Path:
    """Train until checkpoint 4 of 12 is sealed; give its folder."""
    recipe = shrink(recipe, save_steps=2)
    stop_after("checkpoint-4", lambda: train(recipe, hardware, tmp_path / "runs"))
    return next((tmp_path / "runs").glob("*/checkpoint-4"))


def test_what_a_stopped_run_had_yet_to_remove_is_removed(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(recipe, save_steps=2, save_total_limit=1, num_train_epochs=1)
    stop_after("checkpoint-6", lambda: train(recipe, hardware, tmp_path / "stopped"))
    for runs in ("stopped", "whole"):
        train(recipe, hardware, tmp_path / runs)
    stopped, whole = (
        {path.name for path in (tmp_path / runs).glob("*/checkpoint-*")}
        for runs in ("stopped", "whole")
    )
    assert stopped == whole


def test_a_changed_bit_in_any_file_of_a_checkpoint_is_named_and_made_again(
    interrupted: Path,
    recipe: Recipe,
    hardware: Hardware,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    names = [path.name for path in interrupted.iterdir()]
    assert {"optimizer.pt", "adapter_model.safetensors", "sealed.json"} <= set(names)
    for name in names:
        copy = tmp_path / name
        shutil.copytree(interrupted.parent, copy)
        flip(copy / "checkpoint-4" / name)
        caplog.clear()
        found = find_checkpoint(copy)
        assert found, name
        assert found.name == "checkpoint-2", name
        assert str(copy / "checkpoint-4" / name) in caplog.text
    flip(interrupted / "optimizer.pt")
    resumed, log, _ = train(shrink(recipe, save_steps=2), hardware, tmp_path / "runs")
    whole, _, _ = train(shrink(recipe, save_steps=2), hardware, tmp_path / "whole")
    assert log["step"].tolist()[-1] == 12
    assert all(torch.equal(one, resumed.tensors[name]) for name, one in whole.tensors.items())


def test_a_seal_that_was_cut_is_no_seal(interrupted: Path, caplog: pytest.LogCaptureFixture):
    (interrupted / "sealed.json").write_bytes((interrupted / "sealed.json").read_bytes()[:50])
    found = find_checkpoint(interrupted.parent)
    assert found
    assert found.name == "checkpoint-2"
    assert "sealed.json: it cannot be read" in caplog.text


def test_what_a_finished_run_has_lost_is_named_and_made_again(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    recipe = shrink(recipe, save_steps=2)
    adapter, _, _ = train(recipe, hardware, tmp_path)
    whole = {name: one.clone() for name, one in adapter.tensors.items()}  # they map the file
    run = next(path.parent for path in tmp_path.glob("*/finished.json"))
    step = read_sealed(run / "finished.json", "")["released_step"]
    for name in ("finished.json", f"checkpoint-{step}/adapter_model.safetensors"):
        flip(run / name)
        caplog.clear()
        again, _, _ = train(recipe, hardware, tmp_path)
        assert str(run / name) in caplog.text
        assert all(torch.equal(one, again.tensors[key]) for key, one in whole.items())


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
        patch.setattr(sft, "remove_old", lambda folder, *_: stop(folder))
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

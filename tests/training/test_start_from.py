"""A training that starts from an adapter, a chain of three, and one that is killed."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.commands import fork
from tests.training import killed_run
from tests.training.small_runs import make_examples, shrink, train
from tuneline.datasets.models import write_adapter
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.start_adapter import find_start, read_start
from tuneline.parameters import Hardware, Recipe

pytestmark = pytest.mark.slow


def write(folder: Path, adapter: Adapter) -> str:
    folder.mkdir()
    write_adapter(folder, adapter)
    return str(folder)


def test_a_chain_of_three_goes_on_where_the_one_before_it_ended(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    recipe = shrink(recipe, num_train_epochs=1)
    first, log, stats = train(recipe, hardware, tmp_path / "runs", count=16)
    start = write(tmp_path / "first", first)
    further = recipe.model_copy(update={"start_from": start, "learning_rate": 1e-4})
    second, second_log, _ = train(further, hardware, tmp_path / "runs", count=24)
    released = log.loc[log["step"] == stats["released_step"], "eval_loss"].dropna().iloc[0]
    assert second_log["eval_loss"].dropna().iloc[0] == pytest.approx(released, rel=1e-4)
    assert second.provenance["start"] == {
        "adapter": hash_adapter(first),
        "ancestors": [],
        "unknown": ["prompt"],
    }
    last = further.model_copy(update={"start_from": write(tmp_path / "second", second)})
    third, _, _ = train(last, hardware, tmp_path / "runs", count=8)
    assert third.provenance["start"]["adapter"] == hash_adapter(second)
    assert third.provenance["start"]["ancestors"] == [hash_adapter(first)]
    again = read_start(write(tmp_path / "third", third))
    assert again.seen
    assert again.seen.find(make_examples(26)) == [True] * 24 + [False] * 2
    assert hash_adapter(again) == hash_adapter(third)
    moved = shutil.move(tmp_path / "second", tmp_path / "moved")
    old = find_start(third, last.model_copy(update={"start_from": str(moved)}))
    assert old
    assert hash_adapter(old) == hash_adapter(second)


def test_a_training_that_started_from_an_adapter_and_was_killed_goes_on_from_its_checkpoint(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    first, _, _ = train(shrink(recipe, num_train_epochs=1), hardware, tmp_path / "runs", count=16)
    start = write(tmp_path / "first", first)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    run = fork(killed_run.main, killed, "die_before_sealing", "float32", 8, True, start)
    assert run.returncode == -signal.SIGKILL, run.stderr[-2000:]
    for folder in (killed, whole):
        run = fork(killed_run.main, folder, "never", "float32", 8, True, start)
        assert run.returncode == 0, run.stderr[-2000:]
    adapters = [(folder / "adapter.safetensors").read_bytes() for folder in (killed, whole)]
    assert adapters[0] == adapters[1]

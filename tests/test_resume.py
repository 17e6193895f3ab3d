"""The command that a user types, killed and typed again."""

import signal
import time
from pathlib import Path

import pytest

from tests.commands import kedro, start_kedro
from tests.conftest import copy_project

pytestmark = pytest.mark.slow

RUN = ("run", "--env=test")
ADAPTER = "data/test/06_models/product_descriptions/adapter/*/adapter/adapter_model.safetensors"
CHECKPOINTS = "data/test/06_models/product_descriptions/checkpoints/*/checkpoint-*/sealed.json"


def test_a_killed_command_typed_again_ends_like_one_that_was_not(
    finished_run: Path, tmp_path: Path
):
    folder = copy_project(tmp_path / "project")
    killed = start_kedro(folder, *RUN, "--pipelines=prepare,plan,train")
    while not list(folder.glob(CHECKPOINTS)):
        assert killed.process.is_alive(), killed.read()
        time.sleep(0.02)
    killed.send(signal.SIGKILL)
    killed.wait()
    assert not list(folder.glob(ADAPTER))
    again = kedro(folder, *RUN, "--pipeline=train")
    assert again.returncode == 0, again.stderr
    output = again.stdout + again.stderr
    assert "Going on after step" in output
    assert "do not match" not in output
    assert " 0 tokens/s" not in output
    (resumed,), (whole,) = list(folder.glob(ADAPTER)), list(finished_run.glob(ADAPTER))
    assert resumed.read_bytes() == whole.read_bytes()

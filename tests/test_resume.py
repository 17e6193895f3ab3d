"""The command that a user types, killed and typed again."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import copy_project

pytestmark = pytest.mark.slow

ADAPTER = "data/test/06_models/product_descriptions/adapter/*/adapter/adapter_model.safetensors"
CHECKPOINTS = "data/test/06_models/product_descriptions/checkpoints/*/checkpoint-*/sealed.json"


def start(folder: Path, pipelines: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kedro", "run", "--env=test", f"--pipelines={pipelines}"]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_killed_command_typed_again_ends_like_one_that_was_not(
    finished_run: Path, tmp_path: Path
):
    folder = copy_project(tmp_path / "project")
    killed = start(folder, "prepare,plan,train")
    while not list(folder.glob(CHECKPOINTS)):
        assert killed.poll() is None, killed.communicate()[0]
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list(folder.glob(ADAPTER))
    again = start(folder, "train")
    output, _ = again.communicate()
    assert again.returncode == 0, output
    assert "Going on after step" in output
    assert "do not match" not in output
    assert " 0 tokens/s, 0:00 left" not in output
    (resumed,), (whole,) = list(folder.glob(ADAPTER)), list(finished_run.glob(ADAPTER))
    assert resumed.read_bytes() == whole.read_bytes()

"""A command that is stopped ends soon, with one line and the status that shells expect."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.commands import Running, start_kedro
from tests.test_resume import RUN

pytestmark = pytest.mark.slow

STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130}
# Takes minutes in C, without a look at signals.
STUCK = """
import hashlib
from tuneline.utils.terminal import stoppable
with stoppable():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2_000_000_000)
"""
SEVERAL = """
import os, sys, time
from tuneline.pipelines.train.run import launch
from tuneline.utils.terminal import stoppable

def work():
    print("child", os.getpid(), flush=True)
    time.sleep(600)

if __name__ == "__main__":
    with stoppable():
        launch(work, 2)
"""


def stop_command(command: Running, number: int) -> str:
    """Stop a command, and look at how it ends."""
    command.send(number)
    ended = command.wait()
    said = ended.stdout + ended.stderr
    assert ended.returncode == STATUS[signal.Signals(number)], said
    assert "Traceback" not in said
    assert said.count("Stopped (") == 1
    assert ended.stderr.rstrip().splitlines()[-1].startswith("Stopped (")
    return said


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read what a process says, until it says something in particular."""
    said = ""
    for line in process.stdout:  # type: ignore[union-attr]
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def test_a_training_that_is_stopped_leaves_nothing_half_and_goes_on(project: Path):
    training = start_kedro(project, *RUN, "--pipelines=prepare,plan,train")
    training.wait_for("step 12/")
    said = stop_command(training, signal.SIGTERM)
    assert "SIGTERM): the same command goes on from the last checkpoint, if there is one." in said
    checkpoints = list(project.glob("data/test/06_models/*/checkpoints/*/checkpoint-*"))
    assert checkpoints
    assert all((one / "sealed.json").exists() for one in checkpoints)
    assert not list(project.rglob("*.partial"))
    assert "Stopped (SIGTERM)" in (project / "tuneline.log").read_text("utf-8")
    again = start_kedro(project, *RUN, "--pipeline=train")
    again.wait_for("Going on after step")
    stop_command(again, signal.SIGINT)


def test_a_stage_that_keeps_nothing_says_so(project: Path):
    preparing = start_kedro(project, *RUN, "--pipeline=prepare")
    preparing.wait_for("[1/")
    said = stop_command(preparing, signal.SIGINT)
    assert "Stopped (Ctrl+C): the same command begins this stage again." in said


def test_the_chat_page(finished_run: Path):
    pytest.importorskip("gradio")
    page = start_kedro(finished_run, "chat", "--env=test")
    page.wait_for("The chat page is at")
    assert "Stopped (Ctrl+C): the chat page is closed." in stop_command(page, signal.SIGINT)


def run_script(path: Path, code: str) -> subprocess.Popen[str]:
    path.write_text(code, "utf-8")
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def spend_seconds(pid: int, seconds: float) -> None:
    """Wait until a process has computed for so long from now on."""
    process = psutil.Process(pid)
    enough = process.cpu_times().user + seconds
    while process.cpu_times().user < enough:
        time.sleep(0.05)


def test_what_takes_minutes_between_two_lines_of_python_is_ended(tmp_path: Path):
    stuck = run_script(tmp_path / "stuck.py", STUCK)
    read_until(stuck, "begun")
    spend_seconds(stuck.pid, 1)  # only what is written in C spends that much
    stuck.send_signal(signal.SIGTERM)
    said, _ = stuck.communicate()
    assert (stuck.returncode, said) == (143, "Stopped (SIGTERM).\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_processes_of_a_training_end_with_it(tmp_path: Path, number: int):
    several = run_script(tmp_path / "several.py", SEVERAL)
    said = read_until(several, "child") + read_until(several, "child")
    children = [int(line.split()[1]) for line in said.splitlines() if line.startswith("child")]
    several.send_signal(number)
    said, _ = several.communicate()
    assert several.returncode == 1  # no command, but the error that makes one end
    assert said.rstrip().endswith(f"Stopped ({'SIGTERM' if number == 15 else 'Ctrl+C'}).")
    assert not [one for one in children if psutil.pid_exists(one)]

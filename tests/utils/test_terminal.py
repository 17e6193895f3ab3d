"""No byte of what others wrote is obeyed by a terminal; a stopped command ends soon."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests import commands
from tests.commands import Running, start_kedro
from tests.conftest import RAW, write_raw
from tests.test_resume import RUN
from tuneline.errors import Problem
from tuneline.parameters import Hardware
from tuneline.utils.terminal import shorten, show

pytestmark = pytest.mark.slow

# Clears the screen, fills the clipboard, colors by a C1 control, turns the direction, overwrites.
HOSTILE = "a\x1b[2J\x1b]52;c;QUJD\x07\x9b31m\u202eb\u2066c\u200f\r\x08\x7f"
SHOWN = r"a\x1b[2J\x1b]52;c;QUJD\x07\x9b31m\u202eb\u2066c\u200f\r\x08\x7f"
HARMLESS = "Ölmühle 油 שלום नमस्ते 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿\t|"
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

TALK = """
import logging, sys, threading, warnings
from pathlib import Path
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path.cwd())
from kedro.framework.project import settings
settings.HOOKS
text = sys.argv[1]
logging.getLogger("tuneline").info("The model wrote: %s", text)
logging.getLogger("other").error(text)
import transformers
transformers.logging.get_logger("transformers.models").warning("config: %s", text)
try:
    raise ValueError(text)
except ValueError:
    logging.getLogger("tuneline").exception("It failed.")
warnings.warn(text)
def fail(): raise OSError(text)
thread = threading.Thread(target=fail); thread.start(); thread.join()
raise RuntimeError(text)
"""


def kedro(folder: Path, *options: str) -> tuple[int, str]:
    """Type a command, look at everything it leaves behind, and give all that it shows."""
    done = commands.kedro(folder, *options, KEDRO_ENV="test")
    return done.returncode, check(folder, done.stdout, done.stderr)


def check(folder: Path, *texts: str) -> str:
    log = folder / "tuneline.log"
    shown = [*texts, log.read_bytes().decode() if log.exists() else ""]
    for text in shown:
        assert not UNSAFE.search(text), text.encode("unicode_escape")
    return "".join(shown)


def test_what_a_terminal_would_obey_is_shown_and_all_else_is_left_alone():
    assert show(HOSTILE) == SHOWN
    assert show(HARMLESS + "\n") == HARMLESS + "\n"
    assert show("\udcff\u2028") == r"\udcff\u2028"


def test_a_problem_is_one_line():
    assert str(Problem("a\nb", "w", "m", "r", value="c\nd")) == r"a\nb = c\nd: w; m; r."


def test_a_csv_header(project: Path):
    (project / "tea.csv").write_text(f"id,{HOSTILE[:14]},text\n1,question,answer\n", "utf-8")
    status, shown = kedro(project, "new-use-case", "tea", "tea.csv")
    assert status == 1
    assert SHOWN[:20] in shown


def test_a_header_that_the_parameters_do_not_fit(project: Path):
    write_raw(project / RAW, [f'{{"id": 1, "{name}": "x"}}' for name in (r"titl\u001b[2J", "a")])
    status, shown = kedro(project, "run", "--pipeline=prepare")
    assert status == 1
    assert r"titl\x1b[2J" in shown


def test_the_name_of_a_file(project: Path):
    name = f"{HOSTILE}\n12:00:00  Forged.csv"
    (project / name).write_text("id,title,text\n1,a question,an answer\n", "utf-8")
    status, shown = kedro(project, "new-use-case", "tea", name)
    assert status == 1
    assert SHOWN + r"\n12:00:00  Forged.csv" in shown
    assert not list(project.glob("conf/*/tea"))


def test_the_name_of_a_file_that_is_read(project: Path):
    catalog = project / "conf/test/catalog.yml"
    name = f"{HOSTILE}\n12:00:00  Forged".encode("unicode_escape").decode()
    catalog.write_text(f'product_descriptions.raw: {{filepath: "{name}.jsonl"}}\n', "utf-8")
    status, shown = kedro(project, "run", "--pipeline=prepare")
    assert status == 1
    assert SHOWN in shown
    assert not re.search("^12:00:00  Forged", shown, re.MULTILINE)


def test_the_name_of_a_folder_that_a_command_shows(project: Path):
    value = HOSTILE.encode("unicode_escape").decode()
    path = project / "conf/test/parameters_storage.yml"
    path.write_text(f'storage: {{hub_cache: "{value}"}}\n', "utf-8")
    _, shown = kedro(project, "storage")
    assert SHOWN in shown


def test_a_value_of_a_use_case(project: Path):
    path = project / "conf/test/product_descriptions/parameters.yml"
    value = HOSTILE.encode("unicode_escape").decode()
    text = path.read_text("utf-8").replace("data/06_models/tiny_base", f'"{value}"')
    path.write_text(text, "utf-8")
    status, shown = kedro(project, "run", "--pipeline=plan")
    assert status == 1
    assert SHOWN in shown


@pytest.mark.parametrize(
    "options",
    [("run", f"--env={HOSTILE}"), ("run", f"--pipeline={HOSTILE}"), ("run", f"--{HOSTILE}")],
)
def test_what_was_pasted_into_the_command(project: Path, options: tuple[str, ...]):
    status, shown = kedro(project, *options)
    assert status
    assert SHOWN[:20] in shown


def test_what_a_library_logs_warns_of_and_fails_with(project: Path):
    done = subprocess.run(
        [sys.executable, "-c", TALK, HOSTILE + HARMLESS],
        cwd=project,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "KEDRO_ENV": "test", "PYTHONUTF8": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    shown = check(project, done.stdout.decode(), done.stderr.decode())
    assert shown.count(SHOWN + HARMLESS) >= 9  # on the terminal, and of the log's in the file


def test_a_text_that_is_cut_says_so_and_is_as_long_as_it_may_be():
    assert shorten("12345", 5) == "12345"
    assert shorten("123456", 5) == "1234…"
    assert shorten(123456, 3) == "12…"


STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130}
# Takes minutes in C, without a look at signals.
STUCK = """
import hashlib
from tuneline.utils import terminal
terminal.GRACE_SECONDS = 1.0
with terminal.stoppable():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2_000_000_000)
"""
SEVERAL = """
import os, sys, time
from tuneline.parameters import Hardware
from tuneline.training.launch import launch
from tuneline.utils.terminal import stoppable

def work():
    # One write: without a buffer `print` makes several, which mix with those of the other child.
    os.write(1, f"child {os.getpid()}\\n".encode())
    time.sleep(600)

if __name__ == "__main__":
    with stoppable():
        launch(work, Hardware.model_validate_json(sys.argv[1]))
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


def run_script(path: Path, code: str, *arguments: str) -> subprocess.Popen[str]:
    path.write_text(code, "utf-8")
    command = [sys.executable, str(path), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


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
def test_the_processes_of_a_training_end_with_it(tmp_path: Path, number: int, hardware: Hardware):
    two = hardware.model_copy(update={"processes": 2})
    several = run_script(tmp_path / "several.py", SEVERAL, two.model_dump_json())
    said = read_until(several, "child") + read_until(several, "child")
    children = [int(line.split()[1]) for line in said.splitlines() if line.startswith("child")]
    several.send_signal(number)
    said, _ = several.communicate()
    assert several.returncode == 1  # no command, but the error that makes one end
    assert said.rstrip().endswith(f"Stopped ({'SIGTERM' if number == 15 else 'Ctrl+C'}).")
    assert not [one for one in children if psutil.pid_exists(one)]

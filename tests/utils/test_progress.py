"""What is said of long work: on a terminal, in a log, and by whom of several."""

import contextlib
import logging
import os
import pty
import re
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tuneline.utils import progress
from tuneline.utils.progress import BYTES, Progress, track

SCRIPT = """
import logging, sys, time
from tuneline.utils import progress
progress.SECONDS_BETWEEN_LINES = 0
logging.basicConfig(level="INFO", filename="lines", format="%(name)s %(message)s")
console = logging.StreamHandler(sys.stdout)
console.addFilter(lambda record: record.name != "tuneline.progress")
logging.root.addHandler(console)
with progress.Progress("Cleaning", "rows", 30) as rows:
    time.sleep(1.5)
    for step in range(15):
        rows.update(2)
        if step == 7:
            logging.getLogger("tuneline.other").info("a line between")
"""


def run_script(folder: Path, stdout: int) -> tuple[str, list[str]]:
    """Run the script with its errors on a terminal; give back what is seen, and the log's lines."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
        stdout=theirs if stdout == pty.STDOUT_FILENO else stdout,
        stderr=theirs,
        check=False,
    )
    os.set_blocking(ours, False)
    shown = os.read(ours, 1_000_000).decode()
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0, shown
    return shown, (folder / "lines").read_text().splitlines()


def test_a_terminal_has_a_bar_and_the_file_the_lines(tmp_path: Path):
    shown, lines = run_script(tmp_path, pty.STDOUT_FILENO)
    assert "Cleaning:" in shown
    assert "/30 [" in shown
    assert " min left." not in shown
    first, *_, last = [line for line in lines if "Cleaning" in line]
    assert first.startswith("tuneline.progress Cleaning: ")
    assert lines[-2].endswith(" min left.")
    assert last.startswith("tuneline.utils.progress Cleaning: 30 rows, ")


def test_a_line_of_the_log_is_not_written_into_the_bar(tmp_path: Path):
    shown, _ = run_script(tmp_path, pty.STDOUT_FILENO)
    before, _, after = shown.partition("a line between")
    assert re.search(r"[\r\n]$", before)
    assert re.match(r"[\r\n]", after)


def test_a_log_has_the_lines_although_errors_go_to_a_terminal(tmp_path: Path):
    """`kedro run > log` leaves the terminal a bar, and must not leave the log without a word."""
    with (tmp_path / "log").open("w") as log:
        shown, _ = run_script(tmp_path, log.fileno())
    assert "/30 [" in shown
    text = (tmp_path / "log").read_text()
    assert text.count(" min left.") == 14
    assert "a line between" in text


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> list[float]:
    """Give a clock that is set by hand; no thread speaks by itself."""
    time = [100.0]
    monkeypatch.setattr("tqdm.std.time", lambda: time[0])
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 3600.0)
    caplog.set_level(logging.INFO)
    return time


def test_without_a_terminal_rows_rate_and_time_left_are_said(
    clock: list[float], caplog: pytest.LogCaptureFixture
):
    with Progress("Cleaning", "rows") as rows:
        clock[0] = 101.0
        rows.advance(1000, 0.05)
        clock[0] = 110.0
        rows.advance(1000, 0.1)
        clock[0] = 120.0
    with Progress("Answering", "prompts", 60) as answers:
        answers.describe("12 tokens")
        clock[0] = 130.0
        answers.update(15)
    assert caplog.messages == [
        "Cleaning: 2,000 rows, 200 rows/s, 10% of the file, 1:30 min left.",
        "Cleaning: 2,000 rows, 100 rows/s, all of them.",
        "Answering: 15 prompts, 1.5 prompts/s, 25% of 60, 12 tokens, 0:30 min left.",
        "Answering: 15 prompts, 1.5 prompts/s, all of them.",
    ]


def test_work_that_goes_on_counts_from_where_it_was(
    clock: list[float], caplog: pytest.LogCaptureFixture
):
    with Progress("Training", "steps", 100, initial=50) as steps:
        clock[0] = 110.0
        steps.update(10)
        clock[0] = 150.2
        steps.describe("saving")
        steps.update(0)
    assert caplog.messages[0] == "Training: 60 steps, 1 steps/s, 60% of 100, 0:40 min left."
    assert caplog.messages[1].endswith("60% of 100, saving, 3:21 min left.")


def test_bytes_are_sizes(clock: list[float], caplog: pytest.LogCaptureFixture):
    with Progress("Downloading", BYTES, 0) as download:
        download.total += 4_000_000_000
        clock[0] = 110.0
        download.update(1_000_000_000)
    assert caplog.messages[0] == ("Downloading: 1.0 GB, 100.0 MB/s, 25% of 4.0 GB, 0:30 min left.")


def test_what_is_quick_says_nothing_and_what_fails_does_not_say_that_it_is_through(
    clock: list[float], caplog: pytest.LogCaptureFixture
):
    assert list(track(range(3), "Counting", "things")) == [0, 1, 2]
    with contextlib.suppress(ValueError), Progress("Failing", "things", 2):
        clock[0] = 200.0
        raise ValueError
    assert caplog.messages == []


def test_a_step_that_takes_long_is_spoken_of_and_only_the_innermost_speaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Nothing here waits for a time: a thread speaks, and the test for its words."""
    spoken = {name: threading.Event() for name in ("outer", "inner")}

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            spoken[record.getMessage().partition(":")[0]].set()

    for name in ("SECONDS_BETWEEN_LINES", "SECONDS_WITHOUT_NEWS"):
        monkeypatch.setattr(progress, name, 0.0)
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    caplog.set_level(logging.INFO)
    progress.log.addHandler(listener := Listener())
    with Progress("outer"):
        assert spoken["outer"].wait(20)
        with Progress("inner"):
            assert spoken["inner"].wait(20)
            caplog.clear()
            spoken["inner"].clear()
            assert spoken["inner"].wait(20)
            assert not [words for words in caplog.messages if words.startswith("outer")]
    progress.log.removeHandler(listener)


def test_no_library_shows_bars_of_its_own():
    script = (
        "import tuneline.settings, datasets\n"
        "from huggingface_hub.utils import are_progress_bars_disabled\n"
        "print(are_progress_bars_disabled(), datasets.are_progress_bars_disabled())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"

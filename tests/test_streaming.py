import logging
import os
import pty
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tuneline.streaming import RowProgress, map_ahead, run_ahead


def test_values_keep_their_order_when_they_are_made_ahead():
    assert list(run_ahead(iter(range(50)))) == list(range(50))
    assert list(map_ahead(str, range(50))) == [str(number) for number in range(50)]


def fail_at(place: int):
    for number in range(10):
        if number == place:
            raise ValueError("the third")
        yield number


@pytest.mark.parametrize("walk", [run_ahead, lambda values: map_ahead(str, values)])
def test_a_failure_in_another_thread_is_raised_after_the_values_before_it(walk):
    values = walk(fail_at(3))
    assert [int(next(values)) for _ in range(1)] == [0]
    with pytest.raises(ValueError, match="the third"):
        list(values)


def test_no_thread_outlives_a_walk_that_is_broken_off():
    before = threading.active_count()
    values = run_ahead(iter(range(1000)))
    next(values)
    values.close()
    patience = time.monotonic() + 300
    while threading.active_count() > before and time.monotonic() < patience:
        time.sleep(0.05)
    assert threading.active_count() == before


FORGETFUL = """
import gc, threading
from tuneline.streaming import map_ahead, run_ahead

gc.disable()
for walk in (run_ahead, lambda values: map_ahead(str, values)):
    forgotten = [walk(iter(range(20)))]
    forgotten.append(forgotten)
    next(forgotten[0])
del forgotten

# The collector may run at any moment: here while the interpreter starts a thread.
lock_held = threading._maintain_shutdown_locks
threading._maintain_shutdown_locks = lambda: (gc.collect(), lock_held())
threading.Thread(target=list).start()
print("through")
"""


def test_a_stream_that_the_collector_closes_never_stops_the_program():
    command = [sys.executable, "-c", FORGETFUL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "through\n"


SCRIPT = """
import logging, time
from tuneline import streaming
streaming.SECONDS_BETWEEN_LINES = 1
logging.basicConfig(level="INFO", filename="lines", format="%(name)s %(message)s")
rows = streaming.RowProgress("Cleaning", total=30)
for _ in range(15):
    time.sleep(0.12)
    rows.advance(2)
rows.finish()
"""


def test_without_a_terminal_rows_rate_and_time_left_are_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    clock = 100.0
    monkeypatch.setattr("tqdm.std.time", lambda: clock)
    caplog.set_level(logging.INFO)
    rows, answers = RowProgress("Cleaning"), RowProgress("Answering", "prompts", 60)
    clock = 101.0
    rows.advance(1000, 0.05)
    clock = 110.0
    rows.advance(1000, 0.1)
    answers.advance(15)
    clock = 120.0
    rows.finish()
    answers.close()
    assert caplog.messages == [
        "Cleaning: 2,000 rows, 200 rows/s, 10% of the file, 1:30 min left.",
        "Answering: 15 prompts, 1.5 prompts/s, 25% of 60, 0:30 min left.",
        "Cleaning: 2,000 rows, 100 rows/s, all of them.",
    ]


def test_a_terminal_has_a_bar_and_the_file_the_lines(tmp_path: Path):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, stderr=theirs, check=False
    )
    os.set_blocking(ours, False)
    shown = os.read(ours, 100_000).decode()
    os.close(theirs)
    os.close(ours)
    assert process.returncode == 0, shown
    assert "Cleaning:" in shown
    assert "30 [" in shown
    first, *_, last = (tmp_path / "lines").read_text().splitlines()
    assert first.startswith("tuneline.progress Cleaning: ")
    assert first.endswith(" min left.")
    assert last.startswith("tuneline.streaming Cleaning: 30 rows, ")

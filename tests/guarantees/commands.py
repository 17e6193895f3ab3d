"""Commands whose calls to the system are watched; they start as those of `tests.commands` do."""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from tests.commands import STARTER, first_process, run_kedro
from tests.guarantees import system_calls
from tests.guarantees.system_calls import Call

SCRATCH = "scratch"
# No command of the tests takes a minute; one that hangs is a fault, and must end.
LIMIT = 300


@dataclass
class Ended:
    """How a command has ended.

    Attributes:
        command: what was typed after `kedro`.
        status: exit status; negative for a signal.
        output: what it printed.
        seconds: how long it took.
    """

    command: str
    status: int
    output: str
    seconds: float

    @property
    def ended_in_words(self) -> bool:
        """Tell whether it was refused with a sentence."""
        return self.status > 0 and "Traceback" not in self.output and "Error: " in self.output


@dataclass
class Running:
    """A command that runs; its calls to the system may be watched."""

    command: str
    process: Any
    printed: Path
    started: float
    watcher: threading.Thread | None = None
    faults: list[BaseException] = field(default_factory=list)

    def signal(self, number: int) -> None:
        """Send a signal to the command and to every process that it has started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def wait(self, limit: float = LIMIT) -> Ended:
        """Wait until it has ended."""
        self.process.join(limit)
        seconds = time.monotonic() - self.started
        hung = self.process.exitcode is None
        self.signal(signal.SIGKILL)  # what it has started, too
        self.process.join()
        if self.watcher:
            self.watcher.join()
        if self.faults:
            raise self.faults[0]
        output = self.printed.read_text("utf-8", errors="replace")
        assert not hung, f"kedro {self.command} did not end:\n{output}"
        return Ended(self.command, self.process.exitcode, output, seconds)


def start(folder: Path, command: str, decide: Callable[[Call], bool] | None = None) -> Running:
    """Type a command in a project's folder.

    Args:
        folder: of the project.
        command: what is after `kedro`.
        decide: is asked before every change of a file; false means that the disk is full.
    """
    (folder.parent / SCRATCH).mkdir(exist_ok=True)
    number, printed = tempfile.mkstemp(".txt", dir=folder.parent)
    os.close(number)
    ours, theirs = STARTER.Pipe()
    process = STARTER.Process(
        target=_run, args=(folder, command.split(" "), printed, theirs if decide else None)
    )
    with first_process():
        process.start()
    running = Running(command, process, Path(printed), time.monotonic())
    if decide:
        listener = reduction.recv_handle(ours)
        running.watcher = threading.Thread(
            target=_watch, args=(listener, decide, running.faults), daemon=True
        )
        running.watcher.start()
    return running


def run(folder: Path, command: str, decide: Callable[[Call], bool] | None = None) -> Ended:
    """Type a command and wait until it has ended."""
    return start(folder, command, decide).wait()


def _watch(listener: int, decide: Callable[[Call], bool], faults: list[BaseException]) -> None:
    try:
        system_calls.answer_calls(listener, decide)
    except BaseException as fault:
        faults.append(fault)
    finally:
        os.close(listener)


def _run(folder: Path, words: list[str], printed: str, channel: Any) -> None:
    """Become the command; runs in the new process."""
    assert "trl" in sys.modules, "what takes long was not imported before"
    os.setsid()
    output = os.open(printed, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["TMPDIR"] = str(folder.parent / SCRATCH)
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if channel:
        listener = system_calls.install_filter()
        reduction.send_handle(channel, listener, os.getppid())
        os.close(listener)
    run_kedro(words)

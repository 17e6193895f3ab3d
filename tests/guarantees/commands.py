"""Commands whose calls to the system are watched; they start as those of `tests.commands` do."""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import reduction
from pathlib import Path
from typing import Any

from tests import commands
from tests.guarantees import system_calls
from tests.guarantees.system_calls import Call

SCRATCH = "scratch"


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
    running: commands.Running
    started: float
    watcher: threading.Thread | None = None
    faults: list[BaseException] = field(default_factory=list)

    def wait(self) -> Ended:
        """Wait until it has ended."""
        ended = self.running.wait()
        seconds = time.monotonic() - self.started
        if self.watcher:
            self.watcher.join()
        if self.faults:
            raise self.faults[0]
        return Ended(self.command, ended.returncode, ended.stdout + ended.stderr, seconds)


def start(folder: Path, command: str, decide: Callable[[Call], bool] | None = None) -> Running:
    """Type a command in a project's folder.

    Args:
        folder: of the project.
        command: what is after `kedro`.
        decide: is asked before every change of a file; false means that the disk is full.
    """
    scratch = folder.parent / SCRATCH
    scratch.mkdir(exist_ok=True)
    ours, theirs = commands.STARTER.Pipe()
    started = commands.start(
        _run,
        command.split(" "),
        theirs if decide else None,
        folder=folder,
        environment={"TMPDIR": str(scratch)},
    )
    running = Running(command, started, time.monotonic())
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


def _run(words: list[str], channel: Any) -> None:
    """Be the command line; in the new process."""
    tempfile.tempdir = None  # as TMPDIR says now
    if channel:
        listener = system_calls.install_filter()
        reduction.send_handle(channel, listener, os.getppid())
        os.close(listener)
    commands.run_kedro(words)

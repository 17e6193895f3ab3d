"""Commands and functions in processes of their own, without 15 seconds of imports each.

They are forks of a process that has imported the heavy libraries. What a command runs is the
command line itself, so that its sentences and its exit status are what is tested. A variable that
a library reads as it is imported (`HF_…`) comes too late for them.
"""

import contextlib
import multiprocessing
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.conftest import PROJECT

STARTER = multiprocessing.get_context("forkserver")
STARTER.set_forkserver_preload(["tests.preloaded"])
# No command of the tests takes minutes on a quiet machine; one that hangs is a fault, and must end.
LIMIT = 1200
# Of a pseudo-terminal: what a command shows is never longer, so that all of it is on the screen.
LINES = 150


@dataclass
class Running:
    """A function that runs in a process of its own."""

    name: str
    process: Any
    printed: list[Path]

    def read(self) -> str:
        """Give what it has printed so far."""
        return "".join(self._read())

    def _read(self) -> list[str]:
        # Not as a text file, in which a carriage return would be the end of a line.
        return [path.read_bytes().decode("utf-8", "replace") for path in self.printed]

    def wait_for(self, words: str) -> None:
        """Wait until it has printed something in particular.

        Raises:
            AssertionError: if it has ended before.
        """
        while words not in self.read():
            assert self.process.is_alive() or words in self.read(), self.read()
            time.sleep(0.02)

    def send(self, number: int) -> None:
        """Send a signal to it and to what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        self.process.join(LIMIT)
        hung = self.process.exitcode is None
        self.send(signal.SIGKILL)
        self.process.join()
        out, err = self._read()
        shutil.rmtree(self.printed[0].parent)
        assert not hung, f"{self.name} did not end:\n{out}{err}"
        return subprocess.CompletedProcess([self.name], self.process.exitcode, out, err)


def kedro(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type `kedro` and some words in a project's folder, and wait until it has ended."""
    return start_kedro(folder, *words, **environment).wait()


def start_kedro(folder: Path, *words: str, **environment: str) -> Running:
    """Type `kedro` and some words in a project's folder."""
    return start(run_kedro, list(words), folder=folder, environment=environment)


def start_in_terminal(folder: Path, *words: str, columns: int = 80) -> "Terminal":
    """Type `kedro` and some words at a pseudo-terminal, in a project's folder."""
    keyboard, screen = os.openpty()
    termios.tcsetwinsize(screen, (LINES, columns))
    process = STARTER.Process(
        target=_become,
        args=(run_kedro, ([*words],), folder, {"TERM": "xterm-256color"}, [os.ttyname(screen)] * 2),
    )
    with first_process():
        process.start()
    return Terminal(process, keyboard, screen, columns)


class Terminal:
    """A pseudo-terminal: keys go in, and what they do is on its screen.

    Attributes:
        screen: what is shown, as a terminal of so many columns shows it.
    """

    def __init__(self, process: Any, keyboard: int, line: int, columns: int) -> None:
        self._process, self._keyboard, self._line = process, keyboard, line
        self.screen = pyte.Screen(columns, LINES)
        self.screen.write_process_input = self.press  # a terminal is asked where its cursor is
        self._stream = pyte.ByteStream(self.screen)

    def read(self) -> str:
        """Give the text on the screen."""
        while select.select([self._keyboard], [], [], 0.02)[0]:
            self._stream.feed(os.read(self._keyboard, 1 << 16))
        return "\n".join(line.rstrip() for line in self.screen.display).strip()

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._keyboard, keys.encode())

    def wait_for(self, words: str) -> str:
        """Wait until the screen shows some words, and clear it, so that what follows is new.

        Returns:
            What it has shown.

        Raises:
            AssertionError: if the command has ended, or hangs, without them.
        """
        end = time.monotonic() + LIMIT / 10
        while words not in (shown := self.read()):
            alive = self._process.is_alive() and time.monotonic() < end
            assert alive or words in self.read(), f"no `{words}` in:\n{shown}"
        self.screen.reset()
        return shown

    def wait(self) -> tuple[int, str]:
        """Wait for the end; give the exit status and the screen."""
        end = time.monotonic() + LIMIT / 10
        while self._process.is_alive() and time.monotonic() < end:
            self.read()
        shown = self.read()
        self._process.kill()
        self._process.join()
        os.close(self._keyboard)
        os.close(self._line)
        return self._process.exitcode, shown


def fork(target: Callable[..., Any], *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run a function of a module's top level in a process of its own, and wait for its end."""
    return start(target, *arguments).wait()


def start(
    target: Callable[..., Any],
    *arguments: Any,
    folder: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
) -> Running:
    """Run a function of a module's top level in a process of its own.

    Args:
        target: the function.
        *arguments: of the function.
        folder: where the process is.
        environment: variables that it has besides.
    """
    scratch = Path(tempfile.mkdtemp())
    printed = [scratch / name for name in ("stdout", "stderr")]
    for path in printed:
        path.touch()
    process = STARTER.Process(
        target=_become,
        args=(target, arguments, folder, dict(environment or {}), [*map(str, printed)]),
    )
    with first_process():
        process.start()
    return Running(f"{target.__name__} {arguments}", process, printed)


@contextlib.contextmanager
def first_process() -> Iterator[None]:
    """Let the process from which all are forked find the tests, and a hub's cache of its own."""
    with contextlib.chdir(PROJECT), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", tempfile.gettempdir() + "/no_hub")  # `storage --clean` removes
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


def run_kedro(words: list[str]) -> None:
    """Be the command line; in the new process."""
    from kedro.framework import project
    from kedro.framework.cli.cli import main

    project.LOGGING = project._ProjectLogging()  # as if imported here: by this project's conf
    sys.argv = ["kedro", *words]
    main()


def _become(
    target: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: Path,
    environment: dict[str, str],
    printed: list[str],
) -> None:
    assert "trl" in sys.modules, "what takes long was not imported before"
    os.setsid()
    for number, name in enumerate(printed, 1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    if os.isatty(1):
        os.dup2(os.open(printed[0], os.O_RDONLY), 0)
        # Those that were there before are no terminals.
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, buffering, closefd=False)
            for number, mode, buffering in ((0, "r", -1), (1, "w", 1), (2, "w", 1))
        )
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    target(*arguments)

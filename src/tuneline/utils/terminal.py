"""What others wrote, made safe to be shown: in a terminal, in the log, in an error message.

A column's name, a file's name or a model's answer can hold codes that clear a terminal, fill its
clipboard or turn a line around. Whatever is shown goes through `show`, which makes them visible.
"""

import logging
import os
import re
import select
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType, TracebackType
from typing import Any

# Control characters but for line break and tab, signs that turn the direction of writing, other
# line separators, and halves of characters, which no terminal takes.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# How a cell begins that a spreadsheet takes for a formula (OWASP, CSV injection).
FORMULA_START = r"[=+\-@\t\r]"
# As wide as the time before a message: a line break in it begins no line that looks like another's.
CONTINUED = "\n" + " " * 10
_format_warning = warnings.formatwarning
# A name for whoever reads the last line.
SIGNALS = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM"}
# What a process does between two lines of Python, such as a backward pass, may take minutes.
GRACE_SECONDS = 10.0
_rest = ""


def show(text: object, line_break: str = "\n") -> str:
    """Write characters that a terminal would obey as Python escapes; leave all others alone.

    `line_break` stands for a line break, where the text is to be one line.
    """
    return UNSAFE.sub(_escape, str(text)).replace("\n", line_break)


def shorten(value: object, limit: int) -> str:
    """Cut a value that is shown to so many characters, the last of them an ellipsis."""
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def protect_terminal() -> None:
    """Show safely whatever this process logs, warns of and fails with, its libraries included."""
    logging.setLogRecordFactory(ShownRecord)
    sys.excepthook = _show_traceback
    threading.excepthook = _show_traceback_of_thread
    warnings.formatwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a notebook's are not, and take every letter
            stream.reconfigure(errors="backslashreplace")


class ShownRecord(logging.LogRecord):
    """A log record whose message and traceback can be shown.

    A record rather than a formatter: handlers of libraries show it as well, and Kedro takes no
    formatter of a project's own.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info:
            self.exc_text = show(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        """Give the message, made safe to be shown."""
        return show(super().getMessage(), CONTINUED)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _show_warning(*args: Any, **kwargs: Any) -> str:
    return show(_format_warning(*args, **kwargs))


def _show_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    sys.stderr.write(show("".join(traceback.format_exception(kind, error, trace))))


def _show_traceback_of_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value and not isinstance(failed.exc_value, SystemExit):
        _show_traceback(failed.exc_type, failed.exc_value, failed.exc_traceback)


class StopCommandError(Exception):
    """A command ends before its time, or with a status of its own; all it had begun is closed."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def state_rest(words: str) -> None:
    """State what the user has to know if the command is stopped from now on."""
    global _rest  # noqa: PLW0603 - a signal belongs to a process
    _rest = words


@contextmanager
def stoppable() -> Iterator[None]:
    """End what the block does when the process is told to stop; a second time, at once.

    Raises:
        StopCommandError: once all that the block had opened is closed. If that takes longer than
            `GRACE_SECONDS` the process ends without it: what is written counts once it is whole.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is told
        return
    watch = _Watch()
    try:
        yield
    except BaseException as error:
        _clear_bars()
        # torch's launcher puts a handler of its own in place of ours.
        number = watch.number or getattr(error, "sigval", None)
        if number is None:
            raise
        watch.number = number
        raise StopCommandError(_format_stop(number), 128 + number) from error
    finally:
        watch.end()


def _clear_bars() -> None:
    """Clear the progress bars of work that has ended early: what is said next begins a line."""
    tqdm = getattr(sys.modules.get("tqdm"), "tqdm", None)
    for bar in list(getattr(tqdm, "_instances", ())):
        bar.close()


class _Watch:
    """Takes signals, and ends the process if what they interrupt does not end."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.out, self.into = os.pipe()
        os.set_blocking(self.into, False)
        # Python's own handler waits for the main thread; a byte in the pipe waits for nobody.
        self.wakeup = signal.set_wakeup_fd(self.into, warn_on_full_buffer=False)
        self.before = {one: signal.signal(one, self._interrupt) for one in SIGNALS}
        threading.Thread(target=self._wait, daemon=True).start()

    def end(self) -> None:
        if self.number is not None:
            return  # threads and processes may still have to end
        for one, handler in self.before.items():
            signal.signal(one, handler)
        signal.set_wakeup_fd(self.wakeup)
        os.write(self.into, b"\0")

    def _interrupt(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            raise KeyboardInterrupt

    def _wait(self) -> None:
        number = os.read(self.out, 1)[0]
        if number not in SIGNALS:
            return
        select.select([self.out], [], [], GRACE_SECONDS)
        sys.stderr.write(_format_stop(number) + "\n")
        end_children()
        os._exit(128 + number)


def end_children() -> None:
    """End the processes that this one has started."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children)


def _format_stop(number: int) -> str:
    name = SIGNALS.get(signal.Signals(number), signal.Signals(number).name)
    return f"Stopped ({name}){_rest and ': '}{_rest}."

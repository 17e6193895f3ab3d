"""Commands that are stopped, by Ctrl+C or SIGTERM: they end soon, in order and with a sentence."""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A name for whoever reads the last line.
SIGNALS = {signal.SIGINT: "Ctrl+C", signal.SIGTERM: "SIGTERM"}
# What a process does between two lines of Python, such as a backward pass, may take minutes.
GRACE_SECONDS = 10.0

_rest = ""


class StopCommandError(Exception):
    """A command was stopped; everything it had begun is closed.

    Args:
        sentence: for the user, in one line.
        status: the exit status, as shells count it.
    """

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def state_rest(words: str) -> None:
    """State what the user has to know if the command is stopped from now on.

    Args:
        words: half a sentence, such as what the same command does next time.
    """
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
        # torch's launcher puts a handler of its own in place of ours.
        number = watch.number or getattr(error, "sigval", None)
        if number is None:
            raise
        watch.number = number
        raise StopCommandError(_word(number), 128 + number) from error
    finally:
        watch.end()


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
        sys.stderr.write(_word(number) + "\n")
        end_children()
        os._exit(128 + number)


def end_children() -> None:
    """End the processes that this one has started."""
    import psutil

    children = psutil.Process().children(recursive=True)
    for child in children:
        child.kill()
    psutil.wait_procs(children)


def _word(number: int) -> str:
    name = SIGNALS.get(signal.Signals(number), signal.Signals(number).name)
    return f"Stopped ({name}){_rest and ': '}{_rest}."

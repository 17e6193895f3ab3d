"""How far long work is: a bar on a terminal, and a line every few seconds in a log."""

import logging
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from math import inf
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from tuneline.utils.disks import format_bytes

T = TypeVar("T")
log = logging.getLogger(__name__)
# Next to a bar, the lines go to the file alone (conf/logging.yml).
unseen = logging.getLogger("tuneline.progress")

SECONDS_BETWEEN_LINES = 5.0
# Where nothing has advanced, a line says only that the work still runs.
SECONDS_WITHOUT_NEWS = 10.0
HEARTBEAT_SECONDS = 1.0
BYTES = "B"
# Of works within each other only the innermost speaks: it knows most.
_running: list["Progress"] = []


class Progress(tqdm):  # type: ignore[misc]  # tqdm has no types
    """Shows how far some work is, how fast, and how long it will take.

    A thread of its own keeps speaking while one step of the work takes long. Work that is over
    within `SECONDS_BETWEEN_LINES` says nothing. To be used in a `with`. `unit` is a plural; `BYTES`
    is written as a size, "" counts nothing. `total` is None if it is not known before; `initial` is
    how many an earlier run has done.
    """

    monitor_interval = 0  # tqdm's own thread
    note = ""  # what else there is to say, such as a loss

    def __init__(
        self, work: str, unit: str = "", total: float | None = None, initial: float = 0
    ) -> None:
        self.work = work
        self.has_bar = bool(unit) and shows_bars(sys.stderr)
        self.estimated = False
        self.last_line = self.reached = 0.0
        self.said: tuple[Any, ...] = ()
        self.turn, self.ended = Lock(), Event()
        self.redirected: AbstractContextManager[None] | None = None
        super().__init__(
            desc=work,
            unit=unit if unit == BYTES else f" {unit}",
            unit_scale=unit == BYTES,
            total=total,
            initial=initial,
            leave=False,
            position=0,  # not below work without a bar that this one is within
            dynamic_ncols=True,
            smoothing=0,
            miniters=1,
            delay=HEARTBEAT_SECONDS if self.has_bar else inf,
        )

    def __enter__(self) -> "Progress":
        """Start to speak; on a terminal, lines of the log go above the bar."""
        _running.append(self)
        if self.has_bar and shows_bars(sys.stdout):
            self.redirected = logging_redirect_tqdm()
            self.redirected.__enter__()
        Thread(target=self._keep_speaking, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say how it went, unless it failed."""
        seconds = self.seconds
        counted = f"{self._format_count()}, {self._format_rate(seconds)}, all of them"
        self.close()
        if kind is None and self.n and self.unit.strip() and seconds >= SECONDS_BETWEEN_LINES:
            log.info("%s: %s.", self.work, counted)

    def close(self) -> None:
        """Take the bar away."""
        self.ended.set()
        # By identity: to tqdm, two bars on the same line of a terminal are equal.
        _running[:] = [one for one in _running if one is not self]
        if _running:  # what this one said last was news of what it is within, too
            _running[-1].last_line = _running[-1].seconds
        if self.redirected is not None:
            self.redirected.__exit__(None, None, None)
            self.redirected = None
        super().close()

    def display(self, *args: Any, **options: Any) -> bool:
        """Draw the bar, where there is one: the hub's client asks for it in any case."""
        return bool(super().display(*args, **options)) if self.has_bar else False

    def update(self, n: float | None = 1) -> None:
        """Count what is done, some of it at a time."""
        super().update(n)
        self.reached = self.seconds
        self._speak()

    @property
    def seconds(self) -> float:
        """How long it has taken so far; tqdm's own dictionary takes ten times as long to make."""
        return 0.0 if self.disable else float(self._time() - self.start_t)

    def advance(self, rows: int, share: float | None) -> None:
        """Count rows of a file with an unknown number of rows by the `share` done, from 0 to 1."""
        if share:
            self.total, self.estimated = round((self.n + rows) / share), True
        self.update(rows)

    def describe(self, note: str) -> None:
        """State what else there is to say from now on."""
        self.note = note
        self.set_postfix_str(note, refresh=False)

    def _keep_speaking(self) -> None:
        while not self.ended.wait(HEARTBEAT_SECONDS):
            if self.has_bar and not self.ended.is_set():
                self.refresh()
            self._speak()

    def _speak(self) -> None:
        if self.seconds - self.last_line < SECONDS_BETWEEN_LINES:  # as nearly always
            return
        if not _running or _running[-1] is not self or self.n == self.total:
            return
        with self.turn:
            seconds, state = self.seconds, (self.n, self.note)
            patience = SECONDS_BETWEEN_LINES if state != self.said else SECONDS_WITHOUT_NEWS
            if seconds - self.last_line < patience:
                return
            self.last_line, self.said = seconds, state
        has_console = not (self.has_bar and shows_bars(sys.stdout))
        (log if has_console else unseen).info("%s: %s.", self.work, self._describe(seconds))

    def _describe(self, seconds: float) -> str:
        note = f", {self.note}" if self.note else ""
        done = self.n - self.initial
        if not done:
            counted = f"{self._format_count()}, " if self.unit.strip() else ""
            return f"{counted}{_format_minutes(seconds)} min so far{note}"
        words = f"{self._format_count()}, {self._format_rate(self.reached)}"
        if not self.total:
            return f"{words}{note}"
        whole = "the file" if self.estimated else self._format_count(self.total)
        left = self.reached / done * (self.total - self.n) - (seconds - self.reached)
        return (
            f"{words}, {self.n / self.total:.0%} of {whole}{note}, "
            f"{_format_minutes(max(left, 0))} min left"
        )

    def _format_count(self, of: float | None = None) -> str:
        number = self.n if of is None else of
        if self.unit == BYTES:
            return format_bytes(number)
        return f"{number:,.0f}{self.unit if of is None else ''}"

    def _format_rate(self, seconds: float) -> str:
        rate = (self.n - self.initial) / max(seconds, 1e-3)
        if self.unit == BYTES:
            return f"{format_bytes(rate)}/s"
        return f"{rate:,.0f}{self.unit}/s" if rate >= 10 else f"{rate:.2g}{self.unit}/s"


def track(values: Iterable[T], work: str, unit: str, total: float | None = None) -> Iterator[T]:
    """Show how far a walk over values is."""
    known = len(values) if total is None and isinstance(values, Collection) else total
    with Progress(work, unit, known) as progress:
        for value in values:
            yield value
            progress.update()


def shows_bars(stream: Any) -> bool:
    """Tell whether a line can be written over: on a terminal, and in a notebook's cell."""
    return bool(stream.isatty()) or type(stream).__module__.startswith("ipykernel.")


def _format_minutes(seconds: float) -> str:
    return "{}:{:02}".format(*divmod(round(seconds), 60))

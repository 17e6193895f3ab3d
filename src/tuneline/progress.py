"""Progress of long work over rows, said in the log."""

import logging
import time

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 5.0


class RowProgress:
    """Says now and then how many rows are done, how fast, and how long it will take.

    Args:
        verb: what is done to the rows.
    """

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._start = self._last = time.monotonic()
        self.rows = 0

    def advance(self, rows: int, share: float | None) -> None:
        """Count rows.

        Args:
            rows: how many more are done.
            share: how much of all is done, from 0 to 1; None if that is unknown.
        """
        self.rows += rows
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            log.info("%s: %s.", self._verb, self._describe(now - self._start, share))

    def finish(self) -> None:
        """Say how it went."""
        seconds = time.monotonic() - self._start
        log.info("%s: %s, all of them.", self._verb, self._describe(seconds, None))

    def _describe(self, seconds: float, share: float | None) -> str:
        words = f"{self.rows:,} rows, {self.rows / max(seconds, 1e-3):,.0f} rows/s"
        if not share:
            return words
        left = seconds * (1 - share) / share
        return f"{words}, {share:.0%} of the file, {left // 60:.0f}:{left % 60:02.0f} min left"

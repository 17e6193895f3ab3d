"""Progress of long work, said in the log: on a terminal, in a file and in a notebook alike."""

import logging
import time

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LINES = 5.0


class RowProgress:
    """Says now and then how many rows are done, how fast, and how long it will take.

    Args:
        verb: what is done to the rows.
        unit: what they are.
        total: how many there are, if that is known before.
    """

    def __init__(self, verb: str, unit: str = "rows", total: int | None = None) -> None:
        self._verb, self._unit, self._total = verb, unit, total
        self._start = self._last = time.monotonic()
        self.rows = 0

    def advance(self, rows: int, share: float | None = None) -> None:
        """Count rows.

        Args:
            rows: how many more are done.
            share: how much of the file is done, from 0 to 1, where the total is not known; None if
                that is unknown, too.
        """
        self.rows += rows
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES and self.rows != self._total:
            self._last = now
            log.info("%s: %s.", self._verb, self._describe(now - self._start, share))

    def finish(self) -> None:
        """Say how it went."""
        seconds = time.monotonic() - self._start
        done = f"{self.rows:,} {self._unit}, {self._word_rate(seconds)}, all of them"
        log.info("%s: %s.", self._verb, done)

    def _describe(self, seconds: float, share: float | None) -> str:
        whole = "the file"
        if self._total:
            whole, share = f"{self._total:,}", self.rows / self._total
        words = f"{self.rows:,} {self._unit}, {self._word_rate(seconds)}"
        if not share:
            return words
        left = seconds * (1 - share) / share
        return f"{words}, {share:.0%} of {whole}, {left // 60:.0f}:{left % 60:02.0f} min left"

    def _word_rate(self, seconds: float) -> str:
        rate = self.rows / max(seconds, 1e-3)
        return f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{rate:.2g} {self._unit}/s"

"""How much of a file is taken in: bounds that are reached by counting while it is read.

A file that somebody else made may unpack to a thousand times its size. No size that a file states
of itself is believed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from tuneline.errors import Problem, TunelineError, suggest

STATED_IN = "`limits` of conf/base/globals.yml"
SHOWN_BYTES = 1000


@dataclass(frozen=True)
class Limits:
    """Bounds of what is read; the defaults let a laptop with 8 GB of memory live.

    Attributes:
        row_mb: one row: a line of JSON, a record of CSV, the text of a document.
        document_gb: memory that a file takes which is read as a whole.
        unpacked_gb: what a compressed file unpacks to while it is read piece by piece.
    """

    row_mb: float = 16
    document_gb: float = 2
    unpacked_gb: float = 100

    @property
    def row_bytes(self) -> int:
        """Bytes of the longest row."""
        return int(self.row_mb * 1e6)

    @property
    def document_bytes(self) -> int:
        """Bytes of memory that a document may take."""
        return int(self.document_gb * 1e9)

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of the longest text that was compressed."""
        return int(self.unpacked_gb * 1e9)

    @property
    def too_long(self) -> str:
        """Why a row is rejected that is longer."""
        return f"longer than a row may be: more than {self.row_mb:g} MB ({STATED_IN})"

    def format_memory(self, name: str = "it") -> str:
        """Say that a document would take too much memory."""
        allowed = f"{self.document_gb:g} GB"
        return f"too large: {name} would take more than {allowed} of memory ({STATED_IN})"


class TooLargeError(Exception):
    """A file would take more memory than a document may."""


class MemoryBudget:
    """Counts the memory that one file takes."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._used = limits, 0

    def charge(self, size: int, name: str = "it") -> None:
        """Count some bytes of memory.

        Raises:
            TooLargeError: if the file takes too much.
        """
        self._used += size
        if self._used > self._limits.document_bytes:
            raise TooLargeError(self._limits.format_memory(name))

    def release(self, size: int) -> None:
        """Count some bytes as free again."""
        self._used -= size


class CutRow(bytes):
    """The start of a row that is longer than a row may be, with a mark after it."""

    reason: str


def cut_row(start: bytes, size: int, limits: Limits) -> CutRow:
    """Keep of a row that is too long only its start; JSON it is no more, whatever it was."""
    row = CutRow(start[:SHOWN_BYTES] + f" […] ({size:,} bytes)".encode())
    row.reason = limits.too_long
    return row


def read_limits(stated: Any, where: str) -> Limits:
    """Read the bounds that the catalog states for a dataset; the defaults where it states none.

    Raises:
        TunelineError: naming every key that is unknown, and every value that is no number above 0.
    """
    if not isinstance(stated, Mapping | None):
        raise TunelineError(_no_mapping(where, stated))
    problems = list(_find_problems(stated or {}, where))
    if problems:
        raise TunelineError(*problems)
    return Limits(**(stated or {}))


def _find_problems(stated: Mapping[str, Any], where: str) -> Iterator[Problem]:
    known = [one.name for one in fields(Limits)]
    for key, value in stated.items():
        if key not in known:
            yield Problem(
                where=f"{where}: limits.{key}",
                value=value,
                wrong="no limit has this name",
                matters="it would bound nothing",
                remedy=suggest(str(key), known),
            )
        elif isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            yield Problem(
                where=f"{where}: limits.{key}",
                value=value,
                wrong="it is no number above 0",
                matters="what is larger is refused or rejected",
                remedy="state a number, such as 2 or 0.5, in conf/base/globals.yml",
            )


def _no_mapping(where: str, stated: Any) -> Problem:
    return Problem(
        where=f"{where}: limits",
        value=stated,
        wrong="it is no mapping of limits to numbers",
        matters="nothing could be bounded",
        remedy="write `limits: ${globals:limits}`, and the numbers into conf/base/globals.yml",
    )

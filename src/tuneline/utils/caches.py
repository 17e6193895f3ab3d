"""A cache of finished work, so that an interruption costs no more than the last piece of it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from tuneline.utils.files import REMEDY, name_unreadable, name_unwritable
from tuneline.utils.hashing import SEAL, open_seal, seal_value

log = logging.getLogger(__name__)

DAMAGED = "move it away; its work is done again"


class Cache:
    """Values by key, one JSON line each with its SHA-256, written as soon as they are put.

    Keeps what local models answer and what servers respond. Memory holds the keys only. A line
    that an interruption cut short is passed over, and one that is no longer what was written: its
    work is done again. The file may be deleted at any time.

    Raises:
        TunelineError: if something is there that cannot be read at all.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._starts: dict[str, int] = {}
        start, line, broken = 0, b"", []
        with name_unreadable(path, DAMAGED):
            for number, line in enumerate(_read_lines(path), start=1):
                if entry := _parse(line):
                    self._starts[entry[0]] = start
                # The last line has no end only if an interruption cut it short.
                elif line.endswith(b"\n"):
                    broken.append(number)
                start += len(line)
        if broken:
            log.warning(
                "%s: line %s is not what was written there (%s in all); that work is done again.",
                path,
                broken[0],
                len(broken),
            )
        # A new entry must not be written after the rest of one that was cut short.
        self._separator = b"\n" if line and not line.endswith(b"\n") else b""

    def get(self, key: str) -> Any | None:
        """Give the value of a key; None if it has none, or none that is still what was put."""
        start = self._starts.get(key)
        if start is None or not self._path.exists():
            return None
        with name_unreadable(self._path, DAMAGED), self._path.open("rb") as file:
            file.seek(start)
            entry = _parse(file.readline())
        return entry[1] if entry and entry[0] == key else None

    def put(self, key: str, value: Any, sync: bool = True) -> None:
        """Keep a value of plain types; no kill loses it once this returns.

        Args:
            key: of the value.
            value: it.
            sync: wait for the disk, so that no power cut loses it either: 1 to 3 ms.
        """
        entry = orjson.dumps(seal_value({"key": key, "value": value}))
        with self._lock, name_unwritable(self._path, REMEDY):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                start = file.tell() + len(self._separator)
                file.write(self._separator + entry + b"\n")
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            self._separator = b""
            self._starts[key] = start


def _read_lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            yield from file


def _parse(line: bytes) -> tuple[str, Any] | None:
    try:
        entry = orjson.loads(line)
        return (entry["key"], open_seal(entry)["value"]) if SEAL in entry else None
    except (KeyError, TypeError, ValueError, AttributeError):  # JSONDecodeError is a ValueError
        return None

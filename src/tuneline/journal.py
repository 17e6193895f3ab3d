"""A journal of finished work, so that an interruption costs no more than the last piece of it."""

import os
from pathlib import Path
from threading import Lock
from typing import Any

import orjson


class Journal:
    """Values by key, one JSON line each, on the disk as soon as they are recorded.

    A line that an interruption cut short is passed over. The file may be deleted at any time: then
    the work is done again.

    Args:
        path: the file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
        self._values = dict(entry for line in lines if (entry := _parse(line)))
        # A new entry must not be written behind the rest of one that was cut short.
        self._separator = b"\n" if lines[-1] else b""
        self._lock = Lock()

    def recall(self, key: str) -> Any | None:
        """Give the value of a key, or None."""
        return self._values.get(key)

    def record(self, key: str, value: Any) -> None:
        """Keep a value of plain types; it is on the disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        entry = orjson.dumps({"key": key, "value": value})
        with self._lock, self._path.open("ab") as file:
            file.write(self._separator + entry + b"\n")
            file.flush()
            os.fsync(file.fileno())
            self._separator = b""
            self._values[key] = value


def _parse(line: bytes) -> tuple[str, Any] | None:
    try:
        entry = orjson.loads(line)
        return entry["key"], entry["value"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None

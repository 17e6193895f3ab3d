"""A cache of finished work, so that an interruption costs no more than the last piece of it."""

import json
import logging
import os
import re
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from tuneline.utils.files import REMEDY, name_unreadable, name_unwritable
from tuneline.utils.hashing import open_seal, seal_value

log = logging.getLogger(__name__)


class Cache:
    """Values by key, one JSON line each with its SHA-256, on the disk as soon as they are recorded.

    A line that an interruption cut short is passed over, and one that is no longer what was
    written: its work is done again. The file may be deleted at any time.

    Args:
        path: the file; it need not be there.

    Raises:
        TunelineError: if something lies there that cannot be read at all.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with name_unreadable(path, "move it away; its work is done again"):
            lines = path.read_bytes().split(b"\n") if path.exists() else [b""]
        entries = {number: _parse(line) for number, line in enumerate(lines, start=1) if line}
        self._values = dict(entry for entry in entries.values() if entry)
        # The last line has no end only if an interruption cut it short.
        broken = [n for n, entry in entries.items() if not entry and n < len(lines)]
        if broken:
            log.warning(
                "%s: line %s is not what was written there (%s in all); that work is done again.",
                path,
                broken[0],
                len(broken),
            )
        # A new entry must not be written behind the rest of one that was cut short.
        self._separator = b"\n" if lines[-1] else b""
        self._lock = Lock()

    def recall(self, key: str) -> Any | None:
        """Give the value of a key, or None."""
        return self._values.get(key)

    def record(self, key: str, value: Any) -> None:
        """Keep a value of plain types; it is on the disk when this returns."""
        entry = orjson.dumps(seal_value({"key": key, "value": value}))
        with self._lock, name_unwritable(self._path, REMEDY):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(self._separator + entry + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._separator = b""
            self._values[key] = value


def _parse(line: bytes) -> tuple[str, Any] | None:
    try:
        entry = open_seal(orjson.loads(line))
        return entry["key"], entry["value"]
    except (KeyError, TypeError, ValueError, AttributeError):  # JSONDecodeError is a ValueError
        return None


DECODER = json.JSONDecoder()
# How models mark what they think before they answer: as a tag, in brackets, in channels (harmony).
NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
PLACE = re.compile(
    rf"(?P<object>\{{)"
    rf"|(?P<opens><(?:{NAMES})\b[^<>]*>|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis)"
    rf"|(?P<closes></(?:{NAMES})\s*>|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final)",
    re.IGNORECASE,
)


def find_values(text: str) -> list[Any]:
    """Find the JSON objects in a response, whatever is around and between them.

    Prose, code fences and broken objects are stepped over, and so is a thought; one that never
    ends holds all that follows. Where a thought ends that began before the response (a chat
    template may open it), what comes before its end is none of the answer. A mark inside a text
    of an object is text. An object that was cut off is not completed: half an answer is none.

    Args:
        text: the response; JSON, or something like it.

    Returns:
        The outermost objects, in their order.
    """
    found: list[Any] = []
    place = 0
    while match := PLACE.search(text, place):
        place = match.end()
        if match["opens"]:
            place = _find_end(text, place)
        elif match["closes"]:
            found.clear()
        else:
            try:
                value, place = DECODER.raw_decode(text, match.start())
            except (ValueError, RecursionError):
                continue
            found.append(value)
    return found


def _find_end(text: str, start: int) -> int:
    ends = (match.end() for match in PLACE.finditer(text, start) if match["closes"])
    return next(ends, len(text))

"""JSON in what a model writes: every whole value, but none from inside a thought."""

import json
import re
from typing import Any

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
    """Find the JSON objects in a reply, whatever is around and between them.

    Prose, code fences and broken objects are stepped over, and so is a thought; one that never
    ends holds all that follows. Where a thought ends that began before the reply (a chat template
    may open it), what comes before its end is none of the answer. A mark inside a text of an object
    is text. An object that was cut off is not completed: half an answer is none.

    Args:
        text: the reply; JSON, or something like it.

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

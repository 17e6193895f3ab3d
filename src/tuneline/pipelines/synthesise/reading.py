"""Reading what a model wrote: every whole object in it, whatever stands around and between them."""

import json
from collections.abc import Iterator
from typing import Any

DECODER = json.JSONDecoder()


def find_objects(text: str) -> list[dict[str, Any]]:
    """Find the objects with an `id` in a reply.

    Prose, code fences and broken objects are stepped over. An object that was cut off is not
    completed: half an answer is none.

    Args:
        text: the reply; JSON, or something like it.

    Returns:
        The objects in their order.
    """
    return [one for value in _decode(text) for one in _walk(value)]


def _decode(text: str) -> Iterator[Any]:
    """Decode every value that begins with a brace and ends well, from left to right."""
    start = text.find("{")
    while start >= 0:
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield value
        start = text.find("{", end)


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _walk(one)

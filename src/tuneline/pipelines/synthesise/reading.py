"""Reading what a model wrote: every whole object in it, whatever stands around and between them."""

from collections.abc import Iterator
from typing import Any

from tuneline.replies import find_values


def find_objects(text: str) -> list[dict[str, Any]]:
    """Find the objects with an `id` in a reply.

    As `find_values` finds them: none from inside a thought, none that was cut off.

    Args:
        text: the reply; JSON, or something like it.

    Returns:
        The objects in their order.
    """
    return [one for value in find_values(text) for one in _walk(value)]


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _walk(one)

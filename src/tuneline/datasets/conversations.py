"""Conversations: messages with roles, as one row with a column for each role."""

from itertools import chain
from typing import Any

ROLES = ("system", "user", "assistant")


def unfold_messages(row: dict[str, Any]) -> dict[str, Any] | str:
    """Make columns `system`, `user` and `assistant` of a row's `messages`.

    Args:
        row: an object whose `messages` is a list.

    Returns:
        The row with a column for each role; or why it cannot be one row, which is never cut down to
        what would fit.
    """
    texts: dict[str, str] = {}
    for number, message in enumerate(row["messages"], start=1):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            return f"message {number} has no role of {', '.join(ROLES)}"
        role = message["role"]
        if role in texts:
            return f"messages have more than one {role}"
        if not isinstance(message.get("content"), str):
            return f"message {number} has no content that is text"
        texts[role] = message["content"]
    if list(texts) != [role for role in ROLES if role in texts]:
        return "messages are not in the order " + ", ".join(ROLES)
    return row | texts


def find_rows(document: Any, required: tuple[str, ...]) -> list[Any]:
    """Find the rows in one JSON document.

    Args:
        document: a list of rows, one row, or an object with all rows or all messages in one list.
        required: fields that a row must have.

    Returns:
        The rows, whatever they are; of several lists, all of them. A list of messages is divided
        into conversations.
    """
    if isinstance(document, list):
        return _find_conversations(document)
    if not isinstance(document, dict) or document.keys() >= set(required):
        return [document]
    lists = [value for value in document.values() if isinstance(value, list)]
    lists = [value for value in lists if any(isinstance(one, dict | list) for one in value)]
    return _find_conversations(list(chain.from_iterable(lists))) if lists else [document]


def describe_shape(document: Any, required: tuple[str, ...]) -> tuple[str, str] | None:
    """Say how a document holds values if not as rows, as pandas writes them unless told otherwise.

    Args:
        document: a JSON document in which no row was found.
        required: fields that a row must have.

    Returns:
        What it holds, and pandas' word for it (empty if it has none); None if it may be rows.
    """
    if isinstance(document, list):
        bare = document and all(map(_is_plain, document))
        return ("values without the names of their columns, not rows", "values") if bare else None
    if not isinstance(document, dict):
        return None
    if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
        return "the names of the columns apart from their values, not rows", "split"
    return _describe_parts(document, required)


def _describe_parts(document: dict[str, Any], required: tuple[str, ...]) -> tuple[str, str] | None:
    parts = [document[name] for name in required if name in document] or list(document.values())
    plain = all(map(_is_plain, parts))
    if plain and all(isinstance(one, list) for one in parts):
        return "columns, not rows", "list"
    if not all(isinstance(one, dict) for one in parts):
        return None
    if not plain:
        return "objects inside of an object, not a list of rows", ""
    by_row = any(one.keys() >= set(required) for one in parts) or all(map(str.isdecimal, document))
    if by_row:
        return "rows under the names of an index, not a list of rows", "index"
    return "columns, not rows", "columns"


def _is_plain(values: Any) -> bool:
    """Tell whether a list or an object holds plain values only."""
    if not isinstance(values, list | dict):
        return False
    inside = values.values() if isinstance(values, dict) else values
    return not any(isinstance(one, list | dict) for one in inside)


def _find_conversations(rows: list[Any]) -> list[Any]:
    if rows and all(isinstance(row, dict) and row.get("role") in ROLES for row in rows):
        return [{"messages": messages} for messages in _divide_messages(rows)]
    return [{"messages": row} if isinstance(row, list) else row for row in rows]


def _divide_messages(messages: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Begin a conversation where a role comes that cannot follow the one before."""
    conversations: list[list[dict[str, Any]]] = []
    last = len(ROLES)
    for message in messages:
        rank = ROLES.index(message["role"])
        if rank <= last:
            conversations.append([])
        conversations[-1].append(message)
        last = rank
    return conversations

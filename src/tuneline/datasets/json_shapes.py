"""Where the rows of a JSON document are, and what shape it has where there are none."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from tuneline.examples import ROLES, SPEAKERS

# Where a row has its messages.
CONVERSATIONS = ("messages", "conversations")


def unfold(row: dict[str, Any]) -> dict[str, Any] | str:
    """Make columns `system`, `user` and `assistant` of a row that says them in a known format.

    Known are a list of `messages` (OpenAI: `role`, `content`), a list of `conversations` (ShareGPT:
    `from`, `value`), and `instruction`, `input`, `output` (alpaca), of which `input` may be empty.

    Args:
        row: an object.

    Returns:
        The row with a column for each role; the row itself if it is in none of these formats; or
        why it cannot be one row, which is never cut down to what would fit.
    """
    for name in CONVERSATIONS:
        if isinstance(row.get(name), list):
            return _unfold_messages(row, row[name])
    asked, added = row.get("instruction"), row.get("input")
    if isinstance(asked, str) and isinstance(row.get("output"), str):
        user = f"{asked}\n\n{added}" if isinstance(added, str) and added.strip() else asked
        return {"user": user, "assistant": row["output"], **row}
    return row


def _unfold_messages(row: dict[str, Any], messages: list[Any]) -> dict[str, Any] | str:
    texts: dict[str, str] = {}
    for number, message in enumerate(messages, start=1):
        said = message if isinstance(message, dict) else {}
        name = said.get("role", said.get("from"))
        role = SPEAKERS.get(name, name) if isinstance(name, str) else None
        if role not in ROLES:
            return f"message {number} has no role of {', '.join(ROLES)}"
        if role in texts:
            return f"messages have more than one {role}"
        content = said.get("content", said.get("value"))
        if not isinstance(content, str):
            return f"message {number} has no content that is text"
        if role == ROLES[-1] and said.get("weight", 1) == 0:
            return f"message {number} has weight 0: its answer is not to be learned"
        texts[role] = content
    if list(texts) != [role for role in ROLES if role in texts]:
        return "messages are not in the order " + ", ".join(ROLES)
    return row | texts


def list_columns(objects: Iterable[Any]) -> set[str]:
    """List the columns that rows have, those that `unfold` makes of them too."""
    found = {name for one in objects if isinstance(one, dict) for name in one}
    if found & set(CONVERSATIONS):
        found |= set(ROLES)
    if {"instruction", "output"} <= found:
        found |= {"user", "assistant"}
    return found


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
        required: fields that a row must have; none if nobody knows yet.

    Returns:
        What it holds, and pandas' word for it (empty if it has none); None if it may be rows.
    """
    if isinstance(document, list):
        bare = document and all(isinstance(one, list) and _is_plain(one) for one in document)
        return ("values without the names of their columns, not rows", "values") if bare else None
    if not isinstance(document, dict) or not document:
        return None
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list) and not any(map(_is_row, data)):
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
    numbered = all(map(str.isdecimal, chain.from_iterable(parts)))
    by_row = not numbered and any(one.keys() >= set(required) for one in parts)
    if by_row or all(map(str.isdecimal, document)):
        return "rows under the names of an index, not a list of rows", "index"
    return "columns, not rows", "columns"


def _is_row(value: Any) -> bool:
    return isinstance(value, dict)


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

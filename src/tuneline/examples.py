"""Examples: what a model is asked and what it should answer."""

from typing import Any, TypedDict

import orjson

from tuneline.parameters import Data, Prompt


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Example(TypedDict):
    """A prompt with the completion that is to be learnt.

    `meta` holds `line`, the number of the row in the raw source, and where the use case names them
    `category`, a text, `slices`, texts by column, and `key_terms`, a list of texts.
    """

    id: str
    prompt: list[Message]
    completion: list[Message]
    meta: dict[str, Any]


def fill_templates(row: dict[str, Any], data: Data, prompt: Prompt) -> Example:
    """Make an example of a clean row.

    Args:
        row: a clean row, or a pair made of clean rows.
        data: names the id and the columns.
        prompt: templates over the columns.

    Returns:
        The example.
    """
    texts = {column: row[column] for column in data.pair_columns}
    system: list[Message] = (
        [{"role": "system", "content": prompt.system.format_map(texts)}] if prompt.system else []
    )
    return {
        "id": str(row[data.id]),
        "prompt": [*system, {"role": "user", "content": prompt.prompt.format_map(texts)}],
        "completion": [{"role": "assistant", "content": prompt.completion.format_map(texts)}],
        "meta": {"line": row["line"], **_describe(row, data)},
    }


def _describe(row: dict[str, Any], data: Data) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if data.category:
        about["category"] = row[data.category] or ""
    if data.slices:
        about["slices"] = {column: row[column] or "" for column in data.slices}
    if data.key_terms:
        about["key_terms"] = split_terms(row[data.key_terms] or "")
    return about


def split_terms(terms: str | list[str]) -> list[str]:
    """Read a list of terms.

    Args:
        terms: a list, the same as JSON, or a text with semicolons between its terms.

    Returns:
        The terms without white space at their ends, none of them empty.
    """
    if isinstance(terms, str):
        try:
            found = orjson.loads(terms)
        except orjson.JSONDecodeError:
            found = None
        terms = found if isinstance(found, list) else terms.split(";")
    return [text for term in terms if (text := str(term).strip())]

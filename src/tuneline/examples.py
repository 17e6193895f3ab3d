"""Examples: what a model is asked and what it should answer."""

from typing import Any, TypedDict

from tuneline.parameters import Data, Prompt


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Example(TypedDict):
    """A prompt with the completion that is to be learnt.

    `meta` holds `line`, the number of the row in the raw source.
    """

    id: str
    prompt: list[Message]
    completion: list[Message]
    meta: dict[str, Any]


def fill_templates(row: dict[str, Any], data: Data, prompt: Prompt) -> Example:
    """Make an example of a clean row.

    Args:
        row: a clean row.
        data: names the id and the columns.
        prompt: templates over the columns.

    Returns:
        The example.
    """
    texts = {column: row[column] for column in data.columns}
    system: list[Message] = (
        [{"role": "system", "content": prompt.system.format_map(texts)}] if prompt.system else []
    )
    return {
        "id": row[data.id],
        "prompt": [*system, {"role": "user", "content": prompt.prompt.format_map(texts)}],
        "completion": [{"role": "assistant", "content": prompt.completion.format_map(texts)}],
        "meta": {"line": row["line"]},
    }

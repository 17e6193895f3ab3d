"""Examples: what a model is asked and what it should answer."""

from typing import Any, TypedDict

import orjson

from tuneline.parameters import Data, Prompt

# Column of a table's pairs: the groups of a question, as JSON.
GROUPS = "groups"
# Column of rows on their way to examples: the group that the split kept together.
SPLIT_GROUP = "_group"


class Message(TypedDict):
    """One turn of a conversation."""

    role: str
    content: str


class Example(TypedDict):
    """A prompt with the completion that is to be learnt.

    `meta` holds `line`, the number of the row in the raw source, and where the use case names them
    `category`, a text, `slices`, texts by column, `key_terms`, a list of texts, and `groups`, the
    label of the group that the example belongs to, by the grouping's name: see `fill_templates`.
    """

    id: str
    prompt: list[Message]
    completion: list[Message]
    meta: dict[str, Any]


def fill_templates(row: dict[str, Any], data: Data, prompt: Prompt) -> Example:
    """Make an example of a clean row.

    `meta.groups` says which examples depend on each other, so that their scores are not taken for
    independent: those of one value of `data.split.group` (as the split folds it), questions of a
    table on one subject or one item, and what is made of one document. Categories and slices are
    no groups: they describe an example, and their values are all there are, not a sample of them.
    A grouping without a label for the example is left out.

    Args:
        row: a clean row, or a pair made of clean rows; with `SPLIT_GROUP` where the split has one.
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
    if groups := _name_groups(row, data):
        about["groups"] = groups
    return about


def _name_groups(row: dict[str, Any], data: Data) -> dict[str, str]:
    groups: dict[str, str] = orjson.loads(row[GROUPS]) if data.table else {}
    if data.documents:
        groups["document"] = str(row[data.id])
    if data.split.group and row.get(SPLIT_GROUP):
        groups[data.split.group] = row[SPLIT_GROUP]
    return groups


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

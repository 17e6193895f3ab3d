"""What a provider is told."""

import json
from typing import Any

from tuneline.pipelines.synthesise.checks import QUOTED_WORDS, Item
from tuneline.providers import Request

# What a provider sees of an item; the rest is Tuneline's own.
SHOWN = ("id", "style", "slip", "source")
FORM = (
    'Reply with JSON only: {"items": [{"id": …, "quote": …, "text": …, "slip": …}]}, one object '
    f"for each item. id: the item's, unchanged. quote: the first {QUOTED_WORDS} words of its "
    "source, unchanged. text: what you write. slip: where the item's slip is true, the word that "
    'was slipped, exactly as it stands in text; otherwise "".'
)
FIELDS = ("id", "quote", "text", "slip")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in FIELDS},
                "required": list(FIELDS),
                "additionalProperties": False,
            },
        }
    },
    "required": ["items"],
    "additionalProperties": False,
}


def make_request(
    step: str, instruction: str, items: list[Item], attempt: int, last: bool
) -> Request:
    """Word a request for some items.

    Args:
        step: what is written.
        instruction: the use case's own words.
        items: each with `id` and `source`.
        attempt: from 1.
        last: whether there will be no other attempt.

    Returns:
        The request; an item's text can only come back under its own id and with its own quote.
    """
    shown = [{name: item[name] for name in SHOWN if name in item} for item in items]
    return Request(
        step=step,
        messages=[
            {"role": "system", "content": f"{instruction.strip()}\n\n{FORM}"},
            {"role": "user", "content": json.dumps({"items": shown}, ensure_ascii=False)},
        ],
        items=items,
        attempt=attempt,
        schema=SCHEMA,
        last=last,
    )

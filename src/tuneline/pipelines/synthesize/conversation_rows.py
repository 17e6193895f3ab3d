"""Conversations as raw rows: those that people wrote, and synthesized ones."""

from typing import Any

from tuneline.examples import Message
from tuneline.pipelines.synthesize.costs import Rows


def list_synthesized(conversation: dict[str, Any], persona: str) -> list[Message]:
    """List the messages of a conversation: system, user, assistant."""
    return [
        {"role": "system", "content": persona.strip()},
        {"role": "user", "content": conversation["question"]},
        {"role": "assistant", "content": conversation["answer"]},
    ]


def make_row(conversation: dict[str, Any], persona: str, by: str) -> dict[str, Any]:
    """Make the raw row of a conversation and say which model wrote it."""
    origin = {name: conversation[name] for name in ("template_origin", "disfluency")}
    return {
        "id": conversation["id"],
        "messages": list_synthesized(conversation, persona),
        "template": f"template-{conversation['template']:03d}",
        "style": conversation["style"],
        "origin": {"source": "synthesized", "by": by, **origin},
    }


def list_human_written(human_written: Rows) -> Rows:
    """Name rows that somebody wrote and say where they come from; their texts stay as they are."""
    return [
        {
            **row,
            # Ids and templates decide the seeded split: they keep this prefix for good.
            "id": str(row.get("id") or f"collected-{line:05d}"),
            "template": f"collected-{line:05d}",  # a group of its own
            "style": "human_written",
            "origin": {"source": "human_written", "line": line},
        }
        for line, row in enumerate(human_written, start=1)
    ]

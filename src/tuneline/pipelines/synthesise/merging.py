"""Rows of the merged raw dataset: what somebody wrote, and what was synthesised."""

from typing import Any

from tuneline.examples import Message


def list_synthesised(dialogue: dict[str, Any], persona: str) -> list[Message]:
    """Make the conversation of a dialogue: system, user, assistant."""
    return [
        {"role": "system", "content": persona.strip()},
        {"role": "user", "content": dialogue["question"]},
        {"role": "assistant", "content": dialogue["answer"]},
    ]


def list_collected(collected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Name rows that somebody wrote and say where they come from; their texts stay as they are."""
    return [
        {
            **row,
            "id": str(row.get("id") or f"collected-{line:05d}"),
            "template": f"collected-{line:05d}",  # a group of its own
            "style": "collected",
            "origin": {"source": "collected", "line": line},
        }
        for line, row in enumerate(collected, start=1)
    ]

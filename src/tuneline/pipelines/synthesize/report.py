"""The report of the stage: counts that add up, quotas, cost before and after; and the raw rows."""

from collections import Counter
from typing import Any

from tuneline.examples import Message

Rows = list[dict[str, Any]]


def build_report(
    templates: Rows,
    steps: dict[str, tuple[int, int]],
    human_written: int,
    shares: Rows,
    flagged: Rows,
    cost_estimate: dict[str, Any],
    records: dict[str, dict[str, Any]],
    templates_wanted: int,
) -> dict[str, Any]:
    """Build the report.

    Args:
        templates: those of the file and new ones.
        steps: how many rows went into `answers`, `questions`, `moderation`, and how many came out.
        human_written: how many raw rows somebody wrote.
        shares: the quotas as they came out.
        flagged: conversations that were not moderated.
        cost_estimate: tokens and money, before.
        records: what the server reported, and the invalid items, by step.
        templates_wanted: how many were asked for.

    Returns:
        Plain values; `summary` sums them up.
    """
    asked, synthesized = steps["answers"][0], steps["moderation"][1]
    usage = {step: record["usage"] for step, record in records.items()}
    in_file = sum(one["origin"] == "file" for one in templates)
    raw = {
        "human_written": human_written,
        "synthesized": synthesized,
        "all": human_written + synthesized,
    }
    return {
        "summary": _summarize(raw, asked, usage),
        "templates": {
            "wanted": templates_wanted,
            "file": in_file,
            "new": len(templates) - in_file,
            "all": len(templates),
        },
        "steps": [
            {"step": name, "in": into, "out": out, "set_aside": into - out}
            for name, (into, out) in steps.items()
        ],
        "raw": raw,
        "quotas": shares,
        "invalid": _count_reasons(records),
        "moderation": _describe_moderation(flagged),
        "cost": {"estimate": cost_estimate, "reported": usage},
    }


def _summarize(raw: dict[str, int], asked: int, usage: dict[str, dict[str, Any]]) -> str:
    dollars = [step["dollars"] for step in usage.values()]
    cost = "unknown" if None in dollars else f"{sum(dollars):.4f} dollars"
    return (
        f"{raw['synthesized']:,} conversations of {asked:,} asked for were written and "
        f"moderated; with {raw['human_written']:,} human-written ones they make "
        f"{raw['all']:,} raw rows. Cost: {cost}."
    )


def _count_reasons(records: dict[str, dict[str, Any]]) -> Rows:
    reasons = Counter(
        (one["step"], _generalize(one["reason"]))
        for record in records.values()
        for one in record["invalid"]
    )
    return [
        {"step": step, "reason": reason, "items": items}
        for (step, reason), items in reasons.most_common()
    ]


def _generalize(reason: str) -> str:
    """Leave out what differs from item to item: ids, numbers and the template's number."""
    kind = reason.rpartition(": ")[2] if reason.startswith("template ") else reason
    return " ".join("…" if any(map(str.isdigit, word)) else word for word in kind.split())


def _describe_moderation(flagged: Rows) -> dict[str, Any]:
    categories = Counter(name for one in flagged for name in one["categories"])
    return {
        "flagged": sum(one["error"] is None for one in flagged),
        "not_judged": sum(one["error"] is not None for one in flagged),
        "categories": dict(categories.most_common()),
        "conversations": [
            {name: one[name] for name in ("id", "categories", "error")} for one in flagged
        ],
    }


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
            "id": str(row.get("id") or f"human_written-{line:05d}"),
            "template": f"human_written-{line:05d}",  # a group of its own
            "style": "human_written",
            "origin": {"source": "human_written", "line": line},
        }
        for line, row in enumerate(human_written, start=1)
    ]

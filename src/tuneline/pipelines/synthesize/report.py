"""The report of the stage: counts that add up, quotas, cost before and after, the rest."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tuneline.examples import Message


@dataclass(frozen=True)
class Counts:
    """How many of each there are."""

    templates_wanted: int
    templates_in_file: int
    templates: int
    asked: int
    answers: int
    questions: int
    moderated: int
    flagged: int
    unjudged: int
    human_written: int

    def list_steps(self) -> list[dict[str, Any]]:
        """List the steps: what went in is what came out and what was set aside."""
        return [
            _step("answers", self.asked, self.answers, self.asked - self.answers),
            _step("questions", self.answers, self.questions, self.answers - self.questions),
            _step("moderation", self.questions, self.moderated, self.flagged + self.unjudged),
        ]


def build_report(
    counts: Counts,
    shares: list[dict[str, Any]],
    invalid: list[dict[str, Any]],
    flagged: list[dict[str, Any]],
    cost_estimate: dict[str, Any],
    usage: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Build the report.

    Args:
        counts: how many of each there are.
        shares: the quotas as they came out.
        invalid: bad items.
        flagged: conversations that were not moderated.
        cost_estimate: tokens and money, before.
        usage: what the server reported, by step.

    Returns:
        Plain values; `summary` sums them up.
    """
    return {
        "summary": _word(counts, usage),
        "templates": {
            "wanted": counts.templates_wanted,
            "file": counts.templates_in_file,
            "new": counts.templates - counts.templates_in_file,
            "all": counts.templates,
        },
        "steps": counts.list_steps(),
        "raw": {
            "human_written": counts.human_written,
            "synthesized": counts.moderated,
            "all": counts.human_written + counts.moderated,
        },
        "quotas": shares,
        "invalid": _count_reasons(invalid),
        "moderation": _describe_moderation(counts, flagged),
        "cost": {"estimate": cost_estimate, "reported": usage},
    }


def _count_reasons(invalid: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reasons = Counter((one["step"], _sort_reason(one["reason"])) for one in invalid)
    return [
        {"step": step, "reason": reason, "items": items}
        for (step, reason), items in reasons.most_common()
    ]


def _describe_moderation(counts: Counts, flagged: list[dict[str, Any]]) -> dict[str, Any]:
    categories = Counter(name for one in flagged for name in one["categories"])
    shown = ("id", "categories", "error")
    return {
        "flagged": counts.flagged,
        "not_judged": counts.unjudged,
        "categories": dict(categories.most_common()),
        "conversations": [{name: one[name] for name in shown} for one in flagged],
    }


def _step(name: str, into: int, out: int, aside: int) -> dict[str, Any]:
    return {"step": name, "in": into, "out": out, "set_aside": aside}


def _word(counts: Counts, usage: dict[str, dict[str, Any]]) -> str:
    dollars = [step["dollars"] for step in usage.values()]
    cost = "unknown" if None in dollars else f"{sum(dollars):.4f} dollars"
    return (
        f"{counts.moderated:,} conversations of {counts.asked:,} asked for were written and "
        f"moderated; with {counts.human_written:,} human-written ones they make "
        f"{counts.moderated + counts.human_written:,} raw rows. Cost: {cost}."
    )


def _sort_reason(reason: str) -> str:
    """Leave out what differs from item to item: ids, numbers and what is behind a colon."""
    kind = reason.rpartition(": ")[2] if reason.startswith("template ") else reason
    return " ".join("…" if any(map(str.isdigit, word)) else word for word in kind.split())


def list_synthesized(conversation: dict[str, Any], persona: str) -> list[Message]:
    """Make the conversation of a conversation: system, user, assistant."""
    return [
        {"role": "system", "content": persona.strip()},
        {"role": "user", "content": conversation["question"]},
        {"role": "assistant", "content": conversation["answer"]},
    ]


def list_human_written(human_written: list[dict[str, Any]]) -> list[dict[str, Any]]:
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

"""The report of a synthesis: its cost, before and after, and what came of each step."""

import logging
import re
from collections import Counter
from typing import Any

from tuneline.parameters import Prices
from tuneline.parameters.synthesis import FromTemplates
from tuneline.pipelines.synthesize.costs import Record, Rows, Step, estimate_requests
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.forms import make_request

log = logging.getLogger(__name__)

SHOWN_REASONS = 5
# What differs from item to item in a reason: what it quotes.
QUOTED = re.compile(r"`[^`]*`")


def make_report(
    said: str,
    about: dict[str, Any],
    steps: dict[str, tuple[int, int]],
    raw: dict[str, int],
    records: dict[str, Record],
    flagged: Rows,
    cost_estimate: dict[str, Any],
) -> tuple[dict[str, Any], Rows]:
    """Make the report and log it; gather the invalid items of all steps.

    `said` is a sentence without its full stop, `about` what only this source has to report. `steps`
    has how many rows went in and came out.
    """
    usage = {step: record["usage"] for step, record in records.items()}
    dollars = [step["dollars"] for step in usage.values()]
    cost = "unknown" if None in dollars else f"{sum(dollars):.4f} dollars"
    report = {
        "summary": f"{said}. Cost: {cost}.",
        **about,
        "steps": [
            {"step": name, "in": into, "out": out, "set_aside": into - out}
            for name, (into, out) in steps.items()
        ],
        "raw": raw,
        "invalid": count_reasons(records),
        "moderation": describe_moderation(flagged),
        "cost": {"estimate": cost_estimate, "reported": usage},
    }
    log.info("%s", report["summary"])
    for one in report["invalid"][:SHOWN_REASONS]:
        log.info("Set aside (%s): %s times: %s.", one["step"], f"{one['items']:,}", one["reason"])
    return report, [one for record in records.values() for one in record["invalid"]]


def count_reasons(records: dict[str, Record]) -> Rows:
    """Count invalid items by step and reason, most first."""
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
    """Leave out what differs from item to item: ids, numbers, what is quoted, the template."""
    kind = reason.rpartition(": ")[2] if reason.startswith("template ") else reason
    kind = QUOTED.sub("`…`", kind)
    return " ".join("…" if any(map(str.isdigit, word)) else word for word in kind.split())


def describe_moderation(flagged: Rows) -> dict[str, Any]:
    """Count what was flagged, by category, and name it."""
    categories = Counter(name for one in flagged for name in one["categories"])
    return {
        "flagged": sum(one["error"] is None for one in flagged),
        "not_judged": sum(one["error"] is not None for one in flagged),
        "categories": dict(categories.most_common()),
        "conversations": [
            {name: one[name] for name in ("id", "categories", "error")} for one in flagged
        ],
    }


def estimate(
    templates: list[dict[str, Any]], settings: FromTemplates, batch_size: int, prices: Prices
) -> dict[str, Step]:
    """Estimate requests and tokens of each step, everything asked once.

    Answers are taken to be as long as templates, and questions half as long as the longest that is
    kept.
    """
    length = round(sum(len(one["text"]) for one in templates) / len(templates))
    question = settings.checks.question_characters[1] // 2
    missing = max(0, settings.count - len(templates))
    steps = {
        "templates": (missing, length),
        "answers": (settings.conversations, length),
        "questions": (settings.conversations, question),
    }
    return {
        step: _estimate_step(step, items, length, written, settings, batch_size, prices)
        for step, (items, written) in steps.items()
    }


def _estimate_step(
    step: str,
    items: int,
    source: int,
    text: int,
    settings: FromTemplates,
    batch_size: int,
    prices: Prices,
) -> Step:
    item: Item = {"id": "00000-t000-0000", "source": "x" * source, "style": ""}
    item["disfluency"] = step == "answers" and settings.quotas.disfluencies > 0
    batch = [item] * min(items, batch_size)
    example = make_request(step, getattr(settings.instructions, step), batch, 1, last=False)
    return estimate_requests([example] * -(-items // batch_size), items, text, prices)

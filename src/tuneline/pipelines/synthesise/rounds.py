"""Asking for items, in rounds: what came badly is asked for again, what came well is kept."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.pipelines.synthesise.checks import Check, Item, find_pairing_problem
from tuneline.pipelines.synthesise.reading import find_objects
from tuneline.pipelines.synthesise.requests import make_request
from tuneline.providers import Failure, Provider, Request
from tuneline.providers.asking import Answered, ask_all, log_progress
from tuneline.providers.meter import Meter
from tuneline.providers.replies import Replies

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asker:
    """Whom to ask, and how.

    Attributes:
        provider: who writes.
        replies: where every reply is kept.
        meter: counts and limits the cost.
        batch_size: items per request.
        attempts: how often an item is asked for, at most.
    """

    provider: Provider
    replies: Replies
    meter: Meter
    batch_size: int
    attempts: int


@dataclass
class Outcome:
    """What came of some items.

    Attributes:
        found: what came for each item that came well, by id: `text`, `slip` …
        invalid: one row for each that came badly: step, id, attempt, reason, reply.
    """

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    invalid: list[dict[str, Any]] = field(default_factory=list)


def ask_items(
    step: str, instruction: str, items: list[Item], check: Check, asker: Asker
) -> Outcome:
    """Ask for items until each came well or was asked for often enough.

    Args:
        step: what is written: templates, answers or questions.
        instruction: what the provider is told.
        items: each with `id` and `source`, the text it starts from.
        check: called in the order of the items, so that it may compare with earlier ones.
        asker: whom to ask.

    Returns:
        What came well and what came badly.
    """
    outcome = Outcome()
    for attempt in range(1, asker.attempts + 1):
        missing = [item for item in items if item["id"] not in outcome.found]
        if not missing:
            break
        requests = (
            make_request(step, instruction, batch, attempt, last=attempt == asker.attempts)
            for batch in _cut(missing, asker.batch_size)
        )
        log.info("%s: %s to write, attempt %s.", step.capitalize(), f"{len(missing):,}", attempt)
        answered = ask_all(requests, asker.provider, asker.replies, asker.meter)
        for one in log_progress(answered, step.capitalize()):
            _judge(one, check, outcome)
    return outcome


def refuse_nothing(step: str, items: list[Item], outcome: Outcome) -> None:
    """Refuse to go on where not a single item came well.

    Args:
        step: what was written.
        items: what was asked for.
        outcome: what came of it.

    Raises:
        TunelineError: with the most frequent reason.
    """
    if outcome.found or not items:
        return
    (reason, times), *_ = Counter(one["reason"] for one in outcome.invalid).most_common(1)
    raise TunelineError(
        Problem(
            where=f"synthesise: {step}",
            wrong=f"none of {len(items):,} came well; {times:,} times: {reason}",
            matters="there would be nothing to learn from",
            remedy="read the replies (the catalog says where they lie), then mend the server's "
            "settings, the instructions or the checks",
        )
    )


def _cut(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _judge(answered: Answered, check: Check, outcome: Outcome) -> None:
    """Keep the good items of a reply, and say of each bad one why."""
    request, reply = answered
    problem = _find_reply_problem(answered)
    objects = [] if isinstance(reply, Failure) or problem else find_objects(reply.text)
    for item in request.items:
        given = [one for one in objects if one["id"] == item["id"]]
        reason = problem or _find_item_problem(item, given, check, answered)
        if reason:
            outcome.invalid.append(_describe(answered, item["id"], reason))
        else:
            outcome.found[item["id"]] = {
                name: value for name, value in given[0].items() if name not in {"id", "quote"}
            }
    for stranger in _find_strangers(request, objects):
        outcome.invalid.append(_describe(answered, stranger, "nobody asked for this id"))


def _find_reply_problem(answered: Answered) -> str | None:
    reply = answered.reply
    if isinstance(reply, Failure):
        return reply.reason
    return f"refused: {reply.refusal}" if reply.refusal else None


def _find_item_problem(
    item: Item, given: list[dict[str, Any]], check: Check, answered: Answered
) -> str | None:
    if not given:
        cut = getattr(answered.reply, "finish_reason", "") == "length"
        return "it is not in the reply" + (", which was cut off at its limit" if cut else "")
    if any(one != given[0] for one in given[1:]):
        return "two different texts came for it"
    return find_pairing_problem(item, given[0]) or check(item, given[0])


def _find_strangers(request: Request, objects: list[dict[str, Any]]) -> Iterator[str]:
    known = {item["id"] for item in request.items}
    yield from (one["id"] for one in objects if one["id"] not in known)


def _describe(answered: Answered, identifier: str, reason: str) -> dict[str, Any]:
    request, reply = answered
    return {
        "step": request.step,
        "id": identifier,
        "attempt": request.attempt,
        "reason": reason,
        "reply": None if isinstance(reply, Failure) else reply.text,
    }

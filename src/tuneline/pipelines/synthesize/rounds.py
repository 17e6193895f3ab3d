"""Asking for items, in rounds: what came badly is asked for again, what came well is kept."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.budget import Budget
from tuneline.llm_api.client import Failure, Provider, Request
from tuneline.llm_api.requests import Answered, Responses, ask_all, log_progress
from tuneline.pipelines.synthesize.filters import QUOTED_WORDS, Check, Item, find_pairing_problem
from tuneline.utils.caches import find_values

log = logging.getLogger(__name__)


def find_objects(text: str) -> list[dict[str, Any]]:
    """Find the objects with an `id` in a response.

    As `find_values` finds them: none from inside a thought, none that was cut off.

    Args:
        text: the response; JSON, or something like it.

    Returns:
        The objects in their order.
    """
    return [one for value in find_values(text) for one in _walk(value)]


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _walk(one)


# What a provider sees of an item; the rest is Tuneline's own.
SHOWN = ("id", "style", "disfluency", "source")
FORM = (
    'Reply with JSON only: {"items": [{"id": …, "quote": …, "text": …, "disfluency": …}]}, '
    "one object for each item. id: the item's, unchanged. quote: the first "
    f"{QUOTED_WORDS} words of its source, unchanged. text: what you write. disfluency: where the "
    "item's disfluency is true, the word that was garbled, exactly as it is in text; "
    'otherwise "".'
)
FIELDS = ("id", "quote", "text", "disfluency")
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


@dataclass(frozen=True)
class Asker:
    """Whom to ask, and how.

    Attributes:
        provider: who writes.
        responses: where every response is kept.
        budget: counts and limits the cost.
        batch_size: items per request.
        attempts: how often an item is asked for, at most.
    """

    provider: Provider
    responses: Responses
    budget: Budget
    batch_size: int
    attempts: int


@dataclass
class Outcome:
    """What came of some items.

    Attributes:
        found: what came for each item that came well, by id: `text`, `disfluency` …
        invalid: one row for each that came badly: step, id, attempt, reason, response.
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
        answered = ask_all(requests, asker.provider, asker.responses, asker.budget)
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
            where=f"synthesize: {step}",
            wrong=f"none of {len(items):,} came well; {times:,} times: {reason}",
            matters="there would be nothing to learn from",
            remedy="read the responses (the catalog says where they lie), then fix the server's "
            "settings, the instructions or the checks",
        )
    )


def _cut(items: list[Item], size: int) -> Iterator[list[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _judge(answered: Answered, check: Check, outcome: Outcome) -> None:
    """Keep the good items of a response, and say of each bad one why."""
    request, response = answered
    problem = _find_response_problem(answered)
    objects = [] if isinstance(response, Failure) or problem else find_objects(response.text)
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


def _find_response_problem(answered: Answered) -> str | None:
    response = answered.response
    if isinstance(response, Failure):
        return response.reason
    return f"refused: {response.refusal}" if response.refusal else None


def _find_item_problem(
    item: Item, given: list[dict[str, Any]], check: Check, answered: Answered
) -> str | None:
    if not given:
        cut = getattr(answered.response, "finish_reason", "") == "length"
        return "it is not in the reply" + (", which was cut off at its limit" if cut else "")
    if any(one != given[0] for one in given[1:]):
        return "two different texts came for it"
    return find_pairing_problem(item, given[0]) or check(item, given[0])


def _find_strangers(request: Request, objects: list[dict[str, Any]]) -> Iterator[str]:
    known = {item["id"] for item in request.items}
    yield from (one["id"] for one in objects if one["id"] not in known)


def _describe(answered: Answered, identifier: str, reason: str) -> dict[str, Any]:
    request, response = answered
    return {
        "step": request.step,
        "id": identifier,
        "attempt": request.attempt,
        "reason": reason,
        "reply": None if isinstance(response, Failure) else response.text,
    }

"""Asking for items in rounds: what is valid is kept, what is invalid is asked for again."""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.asker import Answered, Asker, ask_in_rounds
from tuneline.llm_api.budget import Budget, find_price
from tuneline.llm_api.requests import Failure, Provider, Request, find_objects, make_object_schema
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Price, Prices, Synthesize
from tuneline.parameters.synthesis import LENGTH_LIMITS
from tuneline.pipelines.synthesize.filters import QUOTED_WORDS, Check, Item, find_pairing_problem
from tuneline.pipelines.synthesize.offline import OfflineProvider
from tuneline.pipelines.synthesize.templates import read_vocabulary
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

FREE = Price(input=0, output=0, batch_input=0, batch_output=0)
# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]
# What a provider sees of an item; the rest is Tuneline's own.
SHOWN = ("id", "style", "disfluency", "source")
MEANINGS = {
    "id": "the item's, unchanged",
    "quote": f"the first {QUOTED_WORDS} words of its source, unchanged",
    "text": "what you write",
}
DISFLUENCY = {
    "disfluency": "where the item's disfluency is true, the word that was garbled, exactly as it "
    'is in text; otherwise ""'
}


def make_request(
    step: str, instruction: str, items: Sequence[Item], attempt: int, last: bool
) -> Request:
    """Make the request for some items.

    Args:
        step: what is written.
        instruction: the use case's own words.
        items: each with `id` and `source`.
        attempt: from 1.
        last: whether there is no other attempt.

    Returns:
        The request; an item's text can only come back under its own id and with its own quote. A
        disfluency is only spoken of where one of the items should have one.
    """
    fields = MEANINGS | (DISFLUENCY if any(item.get("disfluency") for item in items) else {})
    names = [name for name in SHOWN if name != "disfluency" or name in fields]
    shown = [{name: item[name] for name in names if name in item} for item in items]
    form = ", ".join(f'"{name}": …' for name in fields)
    meanings = " ".join(f"{name}: {meaning}." for name, meaning in fields.items())
    item = make_object_schema({name: {"type": "string"} for name in fields})
    told = f'Reply with JSON only: {{"items": [{{{form}}}]}}, one object for each item. {meanings}'
    return Request(
        step=step,
        messages=[
            {"role": "system", "content": f"{instruction.strip()}\n\n{told}"},
            {"role": "user", "content": json.dumps({"items": shown}, ensure_ascii=False)},
        ],
        items=list(items),
        attempt=attempt,
        schema=make_object_schema({"items": {"type": "array", "items": item}}),
        last=last,
    )


@dataclass
class Outcome:
    """What came of some items.

    Attributes:
        found: what came for each item with a valid one, by id: `text`, `disfluency` …
        invalid: one row for each invalid one: step, id, attempt, reason, response.
    """

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    invalid: list[dict[str, Any]] = field(default_factory=list)

    def pair(self, items: Iterable[Item]) -> Iterator[tuple[Item, dict[str, Any]]]:
        """Pair items, in their order, with what came for them; without the invalid ones."""
        return ((item, self.found[item["id"]]) for item in items if item["id"] in self.found)


def ask_items(
    step: str, instruction: str, items: list[Item], check: Check, asker: Asker
) -> Outcome:
    """Ask for items until each is valid or was asked for often enough.

    Args:
        step: what is written: templates, answers or questions.
        instruction: what the provider is told.
        items: each with `id` and `source`, the text it starts from.
        check: called in the order of the items, so that it may compare with earlier ones.
        asker: whom to ask.

    Returns:
        What is valid and what is invalid.
    """
    outcome = Outcome()
    log.info("%s: %s to write.", step.capitalize(), f"{len(items):,}")

    def write(batch: Sequence[Item], attempt: int, last: bool) -> Request:
        return make_request(step, instruction, batch, attempt, last)

    def is_missing(item: Item) -> bool:
        return item["id"] not in outcome.found

    for _, answered in ask_in_rounds(items, write, is_missing, asker):
        _sort(answered, check, outcome)
    return outcome


def check_some_came(step: str, items: list[Item], outcome: Outcome) -> None:
    """Refuse to go on where not a single item is valid.

    Raises:
        TunelineError: with the most frequent reason.
    """
    if outcome.found or not items:
        return
    (reason, times), *_ = Counter(one["reason"] for one in outcome.invalid).most_common(1)
    raise TunelineError(
        Problem(
            where=f"synthesize: {step}",
            wrong=f"none of {len(items):,} is valid; {times:,} times: {reason}",
            matters="there would be nothing to learn from",
            remedy="read the responses (responses.jsonl), then fix the server's settings, the "
            "instructions or the checks",
        )
    )


def _sort(answered: Answered, check: Check, outcome: Outcome) -> None:
    """Keep the good items of a response, and say of each bad one why."""
    request, response = answered
    problem = _find_response_problem(answered)
    objects: list[dict[str, Any]] = []
    if not (isinstance(response, Failure) or problem):
        objects = find_objects(response.text, _has_id)
    for item in request.items:
        given = [one for one in objects if one["id"] == item["id"]]
        reason = problem or _find_item_problem(item, given, check, answered)
        if reason:
            outcome.invalid.append(_describe(answered, item["id"], reason))
        else:
            outcome.found[item["id"]] = {
                name: value for name, value in given[0].items() if name not in {"id", "quote"}
            }
    known = {item["id"] for item in request.items}
    for stranger in (one["id"] for one in objects if one["id"] not in known):
        outcome.invalid.append(_describe(answered, stranger, "nobody asked for this id"))


def _has_id(value: dict[str, Any]) -> bool:
    return isinstance(value.get("id"), str)


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
        return "it is not in the response" + (", which was cut off at its limit" if cut else "")
    if any(one != given[0] for one in given[1:]):
        return "two different texts came for it"
    return find_pairing_problem(item, given[0]) or check(item, given[0])


def _describe(answered: Answered, identifier: str, reason: str) -> dict[str, Any]:
    request, response = answered
    return {
        "step": request.step,
        "id": identifier,
        "attempt": request.attempt,
        "reason": reason,
        "response": None if isinstance(response, Failure) else response.text,
    }


def choose_price(settings: Synthesize, prices: Prices) -> Price | None:
    """Find the price of the model that writes: nothing for the offline provider.

    Returns:
        The price; none if the table does not hold it.

    Raises:
        TunelineError: if there is a budget and no price to keep it by.
    """
    if settings.provider == "offline" or settings.server is None:
        return FREE
    found = find_price(settings.server.model, prices)
    if found is None and settings.budget is not None:
        raise TunelineError(
            Problem(
                where="synthesize.server.model",
                value=settings.server.model,
                wrong="it has no price in `prices.models`",
                matters="the budget could not be kept",
                remedy="add its price (0 for a server of your own), or set `budget: null`",
            )
        )
    return found


def make_asker(
    vocabulary: dict[str, Any],
    responses: Cache,
    synthesize: Synthesize,
    prices: Prices,
    *earlier: Record,
) -> Asker:
    """Make what a step asks with.

    Args:
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        synthesize: who writes; batches, attempts and budget.
        prices: the price table.
        *earlier: records of the steps before, which spend of the same budget.

    Returns:
        The asker.
    """
    provider: Provider
    sampling: dict[str, Any] = {}
    if synthesize.provider == "server" and synthesize.server:
        provider = ServerProvider(synthesize.server, where="synthesize.server")
        sampling = synthesize.server.sampling
    else:
        provider = OfflineProvider(read_vocabulary(vocabulary), synthesize.seed)
    budget = Budget(
        price=choose_price(synthesize, prices),
        limit=synthesize.budget,
        max_tokens=max((int(sampling[key]) for key in LENGTH_LIMITS if key in sampling), default=0),
        where="synthesize.budget",
        spent_before=sum(record["usage"]["dollars"] or 0.0 for record in earlier),
    )
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what was invalid."""
    return {"usage": asker.budget.report(), "invalid": outcome.invalid}

"""Asking for items in rounds: what is valid is kept, what is invalid is asked for again."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.asker import Answered, Asker, ask_in_rounds
from tuneline.llm_api.requests import Failure, Request, find_objects
from tuneline.pipelines.synthesize.costs import Record
from tuneline.pipelines.synthesize.filters import Check, Item, find_pairing_problem
from tuneline.pipelines.synthesize.forms import Form, choose_texts, make_request

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What came of some items: by id, a valid one and which model wrote it; each invalid one.

    An invalid one has `step`, `id`, `attempt`, `reason`, `response`.
    """

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    invalid: list[dict[str, Any]] = field(default_factory=list)

    def pair(self, items: Iterable[Item]) -> Iterator[tuple[Item, dict[str, Any]]]:
        """Pair items, in their order, with what came for them; without the invalid ones."""
        return ((item, self.found[item["id"]]) for item in items if item["id"] in self.found)


def ask_items(
    step: str,
    instruction: str,
    items: list[Item],
    check: Check,
    asker: Asker,
    form: Form | None = None,
) -> Outcome:
    """Ask for items until each is valid or was asked for often enough.

    `check` is called in the order of the items, so that it may compare with earlier ones. Items
    that share something follow one another, and are asked for in requests of their own.
    """
    outcome = Outcome()
    log.info("%s: %s to write.", step.capitalize(), f"{len(items):,}")
    groups = group_items(items, form)

    def list_missing(group: Sequence[Item]) -> list[Item]:
        return [item for item in group if item["id"] not in outcome.found]

    def write(batch: Sequence[list[Item]], attempt: int, last: bool) -> Request:
        missing = [item for group in batch for item in list_missing(group)]
        return make_request(step, instruction, missing, attempt, last, form)

    def is_missing(group: list[Item]) -> bool:
        return bool(list_missing(group))

    if form and form.shared:
        asker = replace(asker, batch_size=1)
    for _, answered in ask_in_rounds(groups, write, is_missing, asker):
        _sort(answered, check, outcome, form)
    return outcome


def group_items(items: list[Item], form: Form | None) -> list[list[Item]]:
    """Put items that share what is shown above them together; the others are by themselves."""
    if form is None or not form.shared:
        return [[item] for item in items]
    shared = form.shared
    return [list(group) for _, group in groupby(items, lambda item: [item[key] for key in shared])]


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


def _sort(answered: Answered, check: Check, outcome: Outcome, form: Form | None) -> None:
    """Keep the good items of a response, and say of each bad one why."""
    request, response = answered
    form = form or choose_texts(request.items)
    problem = _find_response_problem(answered)
    objects: list[dict[str, Any]] = []
    if not (isinstance(response, Failure) or problem):
        objects = find_objects(response.text, _has_id)
    for item in request.items:
        given = [one for one in objects if one["id"] == item["id"]]
        reason = problem or _find_item_problem(item, given, check, answered, form)
        if reason:
            outcome.invalid.append(_describe(answered, item["id"], reason))
        else:
            outcome.found[item["id"]] = given[0]
            outcome.models[item["id"]] = getattr(response, "model", "")
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
    item: Item, given: list[dict[str, Any]], check: Check, answered: Answered, form: Form
) -> str | None:
    if not given:
        cut = getattr(answered.response, "finish_reason", "") == "length"
        return "it is not in the response" + (", which was cut off at its limit" if cut else "")
    if any(one != given[0] for one in given[1:]):
        return "two different texts came for it"
    return (
        find_empty_field(given[0], form)
        or (find_pairing_problem(item, given[0]) if form.is_quoted else None)
        or check(item, given[0])
    )


def find_empty_field(found: dict[str, Any], form: Form) -> str | None:
    """Find a field of an object that should hold a text and holds none."""
    names = [name for name in form.fields if name not in ("quote", *form.may_be_empty)]
    for name in names:
        if not isinstance(found.get(name), str) or not found[name].strip():
            return f"it holds no {name}"
    return None


def _describe(answered: Answered, identifier: str, reason: str) -> dict[str, Any]:
    request, response = answered
    return {
        "step": request.step,
        "id": identifier,
        "attempt": request.attempt,
        "reason": reason,
        "response": None if isinstance(response, Failure) else response.text,
    }


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what was invalid."""
    return {"usage": asker.budget.report(), "invalid": outcome.invalid}

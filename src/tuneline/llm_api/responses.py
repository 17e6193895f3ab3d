"""Requests, responses, and what they cost: the budget is never passed."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Message
from tuneline.parameters import Price, Prices
from tuneline.utils.hashing import hash_value

Object = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One call to a provider.

    Attributes:
        step: what it is for.
        messages: what is said.
        items: what is asked for, each with an `id`, where the messages hold several.
        attempt: from 1; another attempt is another request.
        schema: JSON schema of the wanted response; none for plain text.
        last: whether there is no other attempt; its failures are not kept, so that another run
            asks once more.
    """

    step: str
    messages: list[Message]
    items: list[Object] = field(default_factory=list)
    attempt: int = 1
    schema: Object | None = None
    last: bool = True

    def key(self, identity: Object) -> str:
        """Name the response: the same request to the same provider has the same name.

        Args:
            identity: what the provider's response depends on.

        Returns:
            24 hexadecimal digits.
        """
        asked = {name: value for name, value in asdict(self).items() if name != "last"}
        return hash_value([asked, identity])[:24]


@dataclass(frozen=True)
class Response:
    """What a provider responds; all of it is worth keeping, for it was paid for.

    Attributes:
        text: empty after a refusal.
        model: that responded, as the server names it.
        finish_reason: `stop`, or `length` where the text was cut off.
        refusal: why it would not respond.
        prompt_tokens: as the server counted them; none if it does not say.
        completion_tokens: the same.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    refusal: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True)
class Failure:
    """No response came, after all retries; nothing was paid."""

    reason: str


class Provider(Protocol):
    """Whoever responds to requests. May be called from several threads at once."""

    concurrency: int

    @property
    def identity(self) -> Object:
        """Plain values that the responses depend on: model, sampling, seed."""
        ...

    def ask(self, request: Request) -> Response | Failure:
        """Ask once.

        Raises:
            TunelineError: for what no retry would fix, such as a wrong key.
        """
        ...


def make_object_schema(properties: Object) -> Object:
    """Make the JSON schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DECODER = json.JSONDecoder()
# How models mark what they think before they answer: as a tag, in brackets, in channels (harmony).
NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
START = re.compile(
    rf"(?P<object>\{{)"
    rf"|(?P<opens><(?:{NAMES})\b[^<>]*>|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis)"
    rf"|(?P<closes></(?:{NAMES})\s*>|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final)",
    re.IGNORECASE,
)


def find_objects(text: str, is_wanted: Callable[[Object], bool]) -> list[Object]:
    """Find the JSON objects in a response, whatever is around and between them.

    Prose, code fences and broken objects are stepped over, and so is a thought; one that never
    ends holds all that follows. Where a thought ends that began before the response (a chat
    template may open it), what comes before its end is none of the answer. A mark inside a text
    of an object is text. An object that was cut off is not completed: half an answer is none.

    Args:
        text: the response; JSON, or something like it.
        is_wanted: tells whether an object is one of those; if not, those inside it are looked at.

    Returns:
        The wanted objects, in their order.
    """
    found: list[Object] = []
    place = 0
    while match := START.search(text, place):
        place = match.end()
        if match["opens"]:
            place = _find_end(text, place)
        elif match["closes"]:
            found.clear()
        else:
            try:
                value, place = DECODER.raw_decode(text, match.start())
                found += _walk(value, is_wanted)
            except (ValueError, RecursionError):
                continue
    return found


def _find_end(text: str, start: int) -> int:
    ends = (match.end() for match in START.finditer(text, start) if match["closes"])
    return next(ends, len(text))


def _walk(value: Any, is_wanted: Callable[[Object], bool]) -> Iterator[Object]:
    if isinstance(value, dict) and is_wanted(value):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _walk(inner, is_wanted)


MILLION = 1_000_000


def estimate_tokens(texts: Iterable[str], prices: Prices) -> int:
    """Estimate how many tokens texts have, by the table's characters per token."""
    return math.ceil(sum(map(len, texts)) / prices.characters_per_token)


def bound_tokens(texts: Iterable[str]) -> int:
    """Bound the tokens of a prompt from above.

    A byte-level tokenizer has at most one token per byte; eight more are around each message.
    """
    return sum(len(text.encode()) + 8 for text in texts)


def price(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, at once."""
    return (prompt_tokens * table.input + completion_tokens * table.output) / MILLION


def price_batch(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, through the provider's batch service."""
    return (prompt_tokens * table.batch_input + completion_tokens * table.batch_output) / MILLION


def find_price(model: str, prices: Prices) -> Price | None:
    """Find a model's price; a dated one (`gpt-4.1-mini-2025-04-14`) has its family's.

    Returns:
        The price; none if the table holds neither the model nor its family.
    """
    named = [name for name in prices.models if model == name or model.startswith(f"{name}-2")]
    return prices.models[max(named, key=len)] if named else None


@dataclass
class Budget:
    """Counts what the responses cost and refuses the request that could pass the limit.

    Attributes:
        price: the model's; none for a provider that costs nothing, or whose price is unknown.
        limit: US dollars; none for no limit.
        max_tokens: of one response, at most.
        where: name of the limit's parameter, for the message.
        spent_before: US dollars that earlier steps have spent of the same budget.
        reserved: US dollars that the requests under way cost at most.
    """

    price: Price | None = None
    limit: float | None = None
    max_tokens: int = 0
    where: str = ""
    spent_before: float = 0.0
    responses: int = 0
    responses_without_usage: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reserved: float = 0.0

    @property
    def spent(self) -> float:
        """US dollars of this step, as the server reported the tokens."""
        return self._price(self.prompt_tokens, self.completion_tokens)

    def upper_bound(self, request: Request) -> float:
        """Bound what a request can cost, in US dollars."""
        return self._price(_bound_prompt(request), self.max_tokens)

    def allows(self, dollars: float) -> bool:
        """Tell whether a request of at most this cost stays within the limit."""
        total = self.spent_before + self.spent + self.reserved + dollars
        return self.limit is None or total <= self.limit

    def reserve(self, dollars: float) -> None:
        """Set aside the most that a request can cost.

        Raises:
            TunelineError: if this could pass the limit.
        """
        if not self.allows(dollars):
            raise TunelineError(
                Problem(
                    where=self.where,
                    value=self.limit,
                    wrong=f"{self.spent_before + self.spent:.4f} dollars are spent, and the next "
                    f"request could cost {dollars:.4f}",
                    matters="the run stopped before the budget is passed; every response is kept",
                    remedy="raise the budget and run the same command again; nothing is paid twice",
                )
            )
        self.reserved += dollars

    def record(self, request: Request, response: Response | Failure, reserved: float = 0.0) -> None:
        """Replace what was set aside by what the server reported, or by the most it can be."""
        self.reserved -= reserved
        if isinstance(response, Failure):
            return
        self.responses += 1
        if response.prompt_tokens is None or response.completion_tokens is None:
            self.responses_without_usage += 1
            self.prompt_tokens += _bound_prompt(request)
            self.completion_tokens += self.max_tokens
        else:
            self.prompt_tokens += response.prompt_tokens
            self.completion_tokens += response.completion_tokens

    def report(self) -> dict[str, float | int | None]:
        """Sum up: responses, tokens, US dollars (none where the price is unknown)."""
        return {
            "responses": self.responses,
            "responses_without_usage": self.responses_without_usage,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "dollars": self.spent if self.price else None,
        }

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float:
        return price(prompt_tokens, completion_tokens, self.price) if self.price else 0.0


def _bound_prompt(request: Request) -> int:
    return bound_tokens(message["content"] for message in request.messages)

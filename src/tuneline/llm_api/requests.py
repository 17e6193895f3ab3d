"""Requests to a language model, its responses, and the JSON in them."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from tuneline.examples import Message
from tuneline.utils.hashing import hash_value

Object = dict[str, Any]
DECODER = json.JSONDecoder()
# How models mark what they think before they answer: as a tag, in brackets, in channels (harmony).
NAMES = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis"
START = re.compile(
    rf"(?P<object>\{{)"
    rf"|(?P<opens><(?:{NAMES})\b[^<>]*>|\[THINK\]|<\|begin_of_thought\|>|<\|channel\|>analysis)"
    rf"|(?P<closes></(?:{NAMES})\s*>|\[/THINK\]|<\|end_of_thought\|>|<\|channel\|>final)",
    re.IGNORECASE,
)


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
        """Name the response in 24 hexadecimal digits, the same for the same request to a provider.

        `identity` is what the provider's response depends on.
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


def find_objects(text: str, is_wanted: Callable[[Object], bool]) -> list[Object]:
    """Find the JSON objects in a response, whatever is around and between them.

    Prose, code fences and broken objects are stepped over, and so is a thought; one that never ends
    holds all that follows. Where a thought ends that began before the response (a chat template may
    open it), what comes before its end is none of the answer. A mark inside a text of an object is
    text. An object that was cut off is not completed: half an answer is none. If an object is not
    wanted, those inside it are looked at.
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

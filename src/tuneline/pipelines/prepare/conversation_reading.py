"""Conversations as files have them, read message by message."""

from dataclasses import dataclass
from typing import Any

import orjson

from tuneline.examples import ROLES, SPEAKERS, Message
from tuneline.parameters.examples import Conversations

SYSTEM, USER, ASSISTANT = ROLES
# Who calls a tool, or says what it found. No template of the base models writes these alike.
TOOL = "tool"
TOOLS = {TOOL, "function", "function_call", "function_response", "observation", "ipython"}
EMPTY = "has an empty message"


class Said(Message, total=False):
    """A message of a conversation; an answer that is not to be learned has a `weight` of 0."""

    weight: int


@dataclass(frozen=True)
class Conversation:
    """A conversation as it was read.

    Attributes:
        messages: of a good one: the system message, if there is one, then questions and answers
            in turn, with an answer at the end.
        turns: its answers in the raw data that are to be learned, as far as they can be read.
        reason: why it is rejected; empty if it is good. What follows a colon differs from row to
            row.
    """

    messages: list[Said]
    turns: int = 0
    reason: str = ""

    @property
    def kept(self) -> int:
        """Turns that are left."""
        return sum(map(_is_learned, self.messages))


def read_conversation(cell: str, settings: Conversations) -> Conversation:
    """Read the conversation of a row.

    Known are lists of messages as OpenAI (`role`, `content`) and ShareGPT (`from`, `value`) have
    them, and lists of texts, of which the first is a question. A question at the end that nothing
    answers is left out. An answer with `weight: 0`, as OpenAI has it, is said, and not learned. One
    that is rejected has no messages.
    """
    if not cell.strip():
        return Conversation([])
    try:
        raw = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return Conversation([], reason="conversation is no JSON list of messages")
    listed = raw if isinstance(raw, list) else []
    found = [_read_message(one, number) for number, one in enumerate(listed)]
    # Some files say in this way that there is none.
    first_number = 2 if len(found) > 1 and found[0] == (SYSTEM, "") else 1
    found = found[first_number - 1 :]
    if not found:
        return Conversation([], reason="conversation is no JSON list of messages")
    weights = [_read_weight(one) for one in listed[first_number - 1 :]]
    messages = [_write_message(*one) for one in zip(found, weights, strict=True)]
    turns = sum(map(_is_learned, messages))
    if reason := _find_reason(found, weights, first_number):
        return Conversation([], turns, reason)
    answers = sum(one["role"] == ASSISTANT for one in messages)
    first = messages[0]["role"] == SYSTEM
    kept = messages[: first + 2 * min(answers, settings.max_turns)]
    reason = ""
    if answers > settings.max_turns and settings.overlong == "drop":
        reason = f"conversation has more than {settings.max_turns} turns: {answers}"
    elif not any(map(_is_learned, kept)):
        reason = "conversation has no answer that is to be learned"
    return Conversation([] if reason else kept, turns, reason)


def _read_weight(said: Any) -> Any:
    weight = said.get("weight") if isinstance(said, dict) else None
    return 1 if weight is None else weight


def _write_message(said: tuple[str | None, Any], weight: Any) -> Said:
    role, text = said
    message: Said = {"role": str(role), "content": str(text)}
    if role == ASSISTANT and weight == 0:
        message["weight"] = 0
    return message


def _is_learned(message: Said) -> bool:
    return message["role"] == ASSISTANT and "weight" not in message


def _read_message(said: Any, number: int) -> tuple[str | None, Any]:
    """Give role and text of a message: no role if it is unknown, no text if it has none."""
    if isinstance(said, str):
        return (USER, ASSISTANT)[number % 2], said
    if not isinstance(said, dict):
        return None, None
    name = said.get("role", said.get("from"))
    name = name.lower() if isinstance(name, str) else ""
    calls = said.get("tool_calls") or said.get("function_call")
    role = TOOL if name in TOOLS or calls else SPEAKERS.get(name)
    text = said.get("content", said.get("value"))
    return role, _join_parts(text) if isinstance(text, list) else text


def _join_parts(parts: list[Any]) -> Any:
    """Join the parts of a message, as OpenAI's newer clients write it; None unless all are text."""
    texts = [one.get("text") if isinstance(one, dict) else one for one in parts]
    known = [one for one in texts if isinstance(one, str)]
    return "".join(known) if len(known) == len(texts) else None


def _find_reason(found: list[tuple[str | None, Any]], weights: list[Any], first_number: int) -> str:
    """Say why a conversation cannot be learned; empty if it can."""
    before = SYSTEM
    for number, ((role, text), weight) in enumerate(
        zip(found, weights, strict=True), start=first_number
    ):
        wrong = _find_fault(role, text) or _find_disorder(role, before, number)
        if not wrong and role == ASSISTANT and weight not in (0, 1):
            wrong = "has a weight other than 0 and 1"
        if wrong:
            return f"conversation {wrong}: message {number}"
        before = str(role)
    return "" if ASSISTANT in {role for role, _ in found} else "conversation has no answer"


def _find_fault(role: str | None, text: Any) -> str:
    if role is None:
        return "has a message without a known role"
    if role == TOOL:
        return "calls a tool, which is not learned"
    if not isinstance(text, str):
        return "has a message that is no text"
    return "" if text.strip() else EMPTY


def _find_disorder(role: str | None, before: str, number: int) -> str:
    if role == SYSTEM:
        return "has a system message that is not its first" if number > 1 else ""
    if role == ASSISTANT and before == SYSTEM:
        return "begins with the assistant"
    return f"has two {role} messages in a row" if role == before else ""

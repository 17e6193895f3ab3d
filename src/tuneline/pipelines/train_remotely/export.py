"""Examples in OpenAI's chat format, checked as the provider would check them after the upload."""

import re
from dataclasses import dataclass, field
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example, Message
from tuneline.parameters import RemoteTraining
from tuneline.providers.pricing import bound_tokens

# A system message or none, then user and assistant in turns.
ROLES = re.compile(r"(system )?user assistant( user assistant)*")


@dataclass
class Export:
    """The chats of one side, and the examples that were set aside.

    Attributes:
        chats: `{"messages": […]}` each.
        aside: `id` and `reason` of the others.
    """

    chats: list[dict[str, Any]] = field(default_factory=list)
    aside: list[dict[str, str]] = field(default_factory=list)


def export_side(examples: list[Example], settings: RemoteTraining) -> Export:
    """Write examples as chats; those that the provider would refuse or cut are set aside.

    Args:
        examples: one side of the split.
        settings: the provider's token limit.

    Returns:
        Chats and what was set aside; together as many as there are examples.
    """
    export = Export()
    for example in examples:
        messages = [*example["prompt"], *example["completion"]]
        reason = find_chat_problem(messages, settings.max_tokens_per_example)
        if reason:
            export.aside.append({"id": example["id"], "reason": reason})
        else:
            export.chats.append({"messages": messages})
    return export


def find_chat_problem(messages: list[Message], max_tokens: int) -> str | None:
    """Say why the provider would not take a chat, or would cut it.

    Args:
        messages: the chat.
        max_tokens: the provider's limit; compared with the most tokens the chat can have.

    Returns:
        A reason; none if all is well.
    """
    roles = [message["role"] for message in messages]
    if not ROLES.fullmatch(" ".join(roles)):
        return f"its roles are {', '.join(roles) or 'none'}"
    if not all(message["content"].strip() for message in messages):
        return "one of its messages is empty"
    if bound_tokens(message["content"] for message in messages) > max_tokens:
        return f"it may have more than {max_tokens} tokens"
    return None


def check_count(chats: list[dict[str, Any]], settings: RemoteTraining) -> None:
    """Refuse fewer chats than the provider takes.

    Raises:
        TunelineError: saying how many there are.
    """
    if len(chats) < settings.min_examples:
        raise TunelineError(
            Problem(
                where="remote_training.min_examples",
                value=settings.min_examples,
                wrong=f"only {len(chats)} training examples can be uploaded",
                matters="the provider would refuse the file after the upload",
                remedy="bring more rows; export_report.json says what was set aside",
            )
        )

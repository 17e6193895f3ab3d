"""Clearing conversations before a model learns them. What could not be judged is not clear."""

import logging
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tuneline.examples import Message
from tuneline.parameters import Address, Moderation
from tuneline.providers import Failure, call, make_client

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judgement:
    """What a moderator says of one conversation.

    Attributes:
        categories: what it was flagged for; none of them if it is clear.
        error: why it could not be judged; then it is not clear either.
    """

    categories: list[str]
    error: str | None = None

    @property
    def clear(self) -> bool:
        """Whether it may be trained on."""
        return not self.categories and self.error is None


def moderate(
    conversations: Iterable[list[Message]], settings: Moderation, where: str
) -> list[Judgement]:
    """Judge conversations, each by itself.

    Args:
        conversations: the messages of each.
        settings: who judges, and how.
        where: name of the parameter block, for messages.

    Returns:
        One judgement for each conversation, in their order; none for none.

    Raises:
        TunelineError: if a moderation server cannot be asked at all.
    """
    texts = ["\n\n".join(message["content"] for message in one) for one in conversations]
    if settings.by == "server" and settings.server:
        return _ask_server(texts, settings.server, f"{where}.server")
    judge = _make_list_judge(settings) if settings.by == "list" else _clear_all
    return [judge(text) for text in texts]


def _clear_all(_: str) -> Judgement:
    return Judgement(categories=[])


def _make_list_judge(settings: Moderation) -> Callable[[str], Judgement]:
    patterns = {
        category: [re.compile(pattern, re.IGNORECASE) for pattern in listed]
        for category, listed in settings.categories.items()
    }
    return lambda text: Judgement(
        [name for name, listed in patterns.items() if any(one.search(text) for one in listed)]
    )


def _ask_server(texts: list[str], server: Address, where: str) -> list[Judgement]:
    client = make_client(server)

    def judge(text: str) -> Judgement:
        answer = call(
            lambda: client.moderations.create(model=server.model, input=text), server, where
        )
        return _read(answer)

    with ThreadPoolExecutor(server.concurrency) as pool:
        return list(pool.map(judge, texts))


def _read(answer: Any) -> Judgement:
    if isinstance(answer, Failure):
        return Judgement([], error=answer.reason)
    results = getattr(answer, "results", None)
    if not results or len(results) != 1 or not isinstance(results[0].flagged, bool):
        return Judgement([], error="the moderator's reply holds no judgement")
    named = results[0].categories.model_dump() if results[0].categories else {}
    flagged = sorted(name for name, value in named.items() if value)
    if results[0].flagged and not flagged:
        flagged = ["unnamed"]
    return Judgement(flagged)

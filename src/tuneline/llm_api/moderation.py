"""Moderation of conversations, by a list of patterns or by a server."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tuneline.examples import Message
from tuneline.llm_api.asker import Asker, ask_in_rounds
from tuneline.llm_api.requests import Failure, Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Moderation
from tuneline.utils.caches import Cache


@dataclass(frozen=True)
class ModerationResult:
    """What a moderator flagged a conversation for, or why it could not judge; neither is clear."""

    categories: list[str]
    error: str | None = None

    @property
    def clear(self) -> bool:
        """Whether it may be trained on."""
        return not self.categories and self.error is None


def moderate(
    conversations: Iterable[list[Message]], settings: Moderation, responses: Cache, where: str
) -> list[ModerationResult]:
    """Judge conversations, each by itself.

    Raises:
        TunelineError: if a moderation server cannot be asked at all.
    """
    texts = ["\n\n".join(message["content"] for message in one) for one in conversations]
    if settings.by == "server" and settings.server:
        provider = ModerationProvider(settings.server, f"{where}.server")
        answered = ask_in_rounds(texts, _write, lambda _: True, Asker(provider, responses))
        return [_read(one.response) for _, one in answered]
    patterns = {
        category: [re.compile(pattern, re.IGNORECASE) for pattern in listed]
        for category, listed in settings.categories.items()
        if settings.by == "list"
    }
    return [
        ModerationResult(
            [name for name, listed in patterns.items() if any(one.search(text) for one in listed)]
        )
        for text in texts
    ]


class ModerationProvider(ServerProvider):
    """Responds with the categories that a server's moderation endpoint flags a text for."""

    def _send(self, request: Request) -> Any:
        return self._client.moderations.create(
            model=self._server.model, input=request.messages[0]["content"], **self._server.sampling
        )

    def _read(self, moderation: Any) -> Response | Failure:
        results = getattr(moderation, "results", None)
        if not results or len(results) != 1 or not isinstance(results[0].flagged, bool):
            return Failure("the moderator's response holds no judgment")
        named = results[0].categories.model_dump() if results[0].categories else {}
        flagged = sorted(name for name, value in named.items() if value)
        if results[0].flagged and not flagged:
            flagged = ["unnamed"]
        return Response(text=json.dumps(flagged), model=self._server.model)


def _write(texts: Sequence[str], attempt: int, last: bool) -> Request:
    return Request(step="moderation", messages=[{"role": "user", "content": texts[0]}])


def _read(response: Response | Failure) -> ModerationResult:
    if isinstance(response, Failure):
        return ModerationResult([], error=response.reason)
    return ModerationResult(json.loads(response.text))

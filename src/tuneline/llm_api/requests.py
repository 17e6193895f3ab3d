"""Many requests at once, every response kept, never beyond the budget; moderation among them."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeVar

from tuneline.examples import Message
from tuneline.llm_api.responses import Budget, Failure, Provider, Request, Response
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Moderation
from tuneline.streaming import RowProgress
from tuneline.utils.caches import Cache

Item = TypeVar("Item")

# Requests read ahead for each one under way: enough that one slow response stops nobody, and few
# enough that memory does not grow with their number.
READ_AHEAD = 4


@dataclass(frozen=True)
class Asker:
    """Whom to ask, and how.

    Attributes:
        provider: who responds, and to how many requests at once.
        responses: where each response is kept before anything else is done with it.
        budget: counts and limits the cost.
        batch_size: items per request.
        attempts: how often an item is asked for, at most.
    """

    provider: Provider
    responses: Cache
    budget: Budget = field(default_factory=Budget)
    batch_size: int = 1
    attempts: int = 1


class Answered(NamedTuple):
    """A request with what came of it."""

    request: Request
    response: Response | Failure


def ask_in_rounds(
    items: Sequence[Item],
    write: Callable[[Sequence[Item], int, bool], Request],
    is_missing: Callable[[Item], bool],
    asker: Asker,
) -> Iterator[tuple[Sequence[Item], Answered]]:
    """Ask for items until none is missing, or each was asked for often enough.

    Args:
        items: what is asked for.
        write: makes the request for a batch of them, of its attempt (from 1) and of whether that
            is the last one.
        is_missing: tells whether an item has not come well so far.
        asker: whom to ask.

    Yields:
        Each batch with its request and the response, in the order of the items.

    Raises:
        TunelineError: as `ask_all`.
    """
    for attempt in range(1, asker.attempts + 1):
        missing = [item for item in items if is_missing(item)]
        starts = range(0, len(missing), asker.batch_size)
        batches = [missing[start : start + asker.batch_size] for start in starts]
        last = attempt == asker.attempts
        requests = (write(batch, attempt, last) for batch in batches)
        progress = RowProgress("Asking", "requests", len(batches))
        for batch, answered in zip(batches, ask_all(requests, asker), strict=True):
            yield batch, answered
            progress.advance(1)
        progress.close()


def ask_all(requests: Iterable[Request], asker: Asker) -> Iterator[Answered]:
    """Ask requests, some at once; what was asked before, or is being asked, is not asked again.

    Memory holds a few requests for each one under way, whatever their number.

    Args:
        requests: read as they are needed.
        asker: whom to ask.

    Yields:
        Each request with its response, in the order of the requests.

    Raises:
        TunelineError: if the budget could be passed, or for what no retry would fix; responses
            that are under way are still kept.
    """
    budget, ahead = asker.budget, asker.provider.concurrency * READ_AHEAD
    under_way: deque[_UnderWay] = deque()
    pool = ThreadPoolExecutor(asker.provider.concurrency)
    try:
        for request in requests:
            key = request.key(asker.provider.identity)
            future = next((one.future for one in under_way if one.key == key), None)
            kept = None if future else _find_kept(request, key, asker)
            dollars = 0.0 if future or kept else budget.upper_bound(request)
            while under_way and (len(under_way) >= ahead or not budget.allows(dollars)):
                yield _record(under_way.popleft(), budget)
            budget.reserve(dollars)
            future = future or pool.submit(_ask, request, key, kept, asker)
            under_way.append(_UnderWay(request, key, dollars, future))
        while under_way:
            yield _record(under_way.popleft(), budget)
    finally:
        pool.shutdown(cancel_futures=True)


class _UnderWay(NamedTuple):
    request: Request
    key: str
    reserved: float
    future: Future[Response | Failure]


def _find_kept(request: Request, key: str, asker: Asker) -> Response | Failure | None:
    kept = asker.responses.get(key)
    if kept is None:
        return None
    if "reason" in kept:
        return None if request.last else Failure(**kept)
    return Response(**kept)


def _ask(
    request: Request, key: str, kept: Response | Failure | None, asker: Asker
) -> Response | Failure:
    """Ask, and keep the response at once: from here on it cannot be lost.

    A failure is kept as well, or a later run would ask for items that another attempt has brought.
    """
    if kept:
        return kept
    response = asker.provider.ask(request)
    if isinstance(response, Response) or not request.last:
        asker.responses.put(key, asdict(response))
    return response


def _record(one: _UnderWay, budget: Budget) -> Answered:
    response = one.future.result()
    budget.record(one.request, response, one.reserved)
    return Answered(one.request, response)


@dataclass(frozen=True)
class Judgment:
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
    conversations: Iterable[list[Message]], settings: Moderation, responses: Cache, where: str
) -> list[Judgment]:
    """Judge conversations, each by itself.

    Args:
        conversations: the messages of each.
        settings: who judges, and how.
        responses: where the responses of a moderation server are kept.
        where: name of the parameter block, for messages.

    Returns:
        One judgment for each conversation, in their order; none for none.

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
        Judgment(
            [name for name, listed in patterns.items() if any(one.search(text) for one in listed)]
        )
        for text in texts
    ]


class ModerationProvider(ServerProvider):
    """Responds with the categories that a server's moderation endpoint flags a text for."""

    def _send(self, request: Request) -> Any:
        return self._client.moderations.create(
            model=self._server.model,
            input=request.messages[0]["content"],
            **self._server.sampling,
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


def _read(response: Response | Failure) -> Judgment:
    if isinstance(response, Failure):
        return Judgment([], error=response.reason)
    return Judgment(json.loads(response.text))

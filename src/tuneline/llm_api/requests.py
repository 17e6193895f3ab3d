"""Asking many requests at once, keeping every reply, never beyond the budget."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from tuneline.llm_api.budget import Meter
from tuneline.llm_api.client import Failure, Provider, Reply, Request

log = logging.getLogger(__name__)


class Replies(Protocol):
    """A store that keeps every reply as soon as it has come; see `ReplyFolderDataset`."""

    def read(self, step: str, key: str) -> Reply | Failure | None:
        """Look a reply up.

        Args:
            step: what it was asked for.
            key: its name, as `Request.key` gives it.

        Returns:
            The reply, or the failure that was kept in its place; none if it was never asked for.
        """
        ...

    def write(self, step: str, key: str, reply: Reply | Failure) -> None:
        """Keep a reply; once this returns, a killed run has it still."""
        ...


# Requests read ahead for each one under way: enough that one slow reply stops nobody, and few
# enough that memory does not grow with their number.
READ_AHEAD = 4
SECONDS_BETWEEN_LINES = 10.0


class Answered(NamedTuple):
    """A request with what came of it."""

    request: Request
    reply: Reply | Failure


class _UnderWay(NamedTuple):
    request: Request
    reserved: float
    future: Future[Reply | Failure]


def ask_all(
    requests: Iterable[Request], provider: Provider, replies: Replies, meter: Meter
) -> Iterator[Answered]:
    """Ask requests, some at once; what was answered before is not asked again.

    Memory holds a few requests for each one under way, whatever their number.

    Args:
        requests: read as they are needed.
        provider: who answers, and how many at once.
        replies: where each reply is kept before anything else is done with it.
        meter: counts and limits the cost.

    Yields:
        Each request with its reply, in the order of the requests.

    Raises:
        TunelineError: if the budget could be passed, or for what no retry would mend; replies
            that are under way are still kept.
    """
    under_way: deque[_UnderWay] = deque()
    ahead = provider.concurrency * READ_AHEAD
    pool = ThreadPoolExecutor(provider.concurrency)
    try:
        for request in requests:
            known = replies.read(request.step, request.key(provider.identity))
            if request.last and isinstance(known, Failure):
                known = None
            most = 0.0 if known else meter.bound(request)
            while under_way and (len(under_way) >= ahead or not meter.has_room(most)):
                yield _settle(under_way.popleft(), meter)
            meter.reserve(most)
            future = pool.submit(_ask, request, known, provider, replies)
            under_way.append(_UnderWay(request, most, future))
        while under_way:
            yield _settle(under_way.popleft(), meter)
    finally:
        pool.shutdown(cancel_futures=True)


def log_progress(answered: Iterable[Answered], what: str) -> Iterator[Answered]:
    """Pass replies on and say, every few seconds, how many there are and how fast they come.

    Args:
        answered: the replies.
        what: what they hold, for the log.

    Yields:
        The same replies.
    """
    start = last = time.monotonic()
    for number, one in enumerate(answered, start=1):
        yield one
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            log.info("%s: %s replies, %.1f a second.", what, f"{number:,}", number / (now - start))


def _ask(
    request: Request, known: Reply | Failure | None, provider: Provider, replies: Replies
) -> Reply | Failure:
    """Ask, and keep the reply in the same breath: from here on it cannot be lost.

    A failure is kept as well, or a later run would ask for items that another attempt has brought.
    """
    if known:
        return known
    reply = provider.ask(request)
    if isinstance(reply, Reply) or not request.last:
        replies.write(request.step, request.key(provider.identity), reply)
    return reply


def _settle(one: _UnderWay, meter: Meter) -> Answered:
    reply = one.future.result()
    meter.settle(one.request, one.reserved, reply)
    return Answered(one.request, reply)

"""Asking many requests at once, keeping every response, never beyond the budget."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

from tuneline.llm_api.budget import Budget
from tuneline.llm_api.client import Failure, Provider, Request, Response

log = logging.getLogger(__name__)


class Responses(Protocol):
    """A store that keeps every response as soon as it has come; see `ResponseFolderDataset`."""

    def read(self, step: str, key: str) -> Response | Failure | None:
        """Look a response up.

        Args:
            step: what it was asked for.
            key: its name, as `Request.key` gives it.

        Returns:
            The response, or the failure that was kept in its place; none if it was never asked for.
        """
        ...

    def write(self, step: str, key: str, response: Response | Failure) -> None:
        """Keep a response; once this returns, a killed run has it still."""
        ...


# Requests read ahead for each one under way: enough that one slow response stops nobody, and few
# enough that memory does not grow with their number.
READ_AHEAD = 4
SECONDS_BETWEEN_LINES = 10.0


class Answered(NamedTuple):
    """A request with what came of it."""

    request: Request
    response: Response | Failure


class _UnderWay(NamedTuple):
    request: Request
    reserved: float
    future: Future[Response | Failure]


def ask_all(
    requests: Iterable[Request], provider: Provider, responses: Responses, budget: Budget
) -> Iterator[Answered]:
    """Ask requests, some at once; what was answered before is not asked again.

    Memory holds a few requests for each one under way, whatever their number.

    Args:
        requests: read as they are needed.
        provider: who answers, and how many at once.
        responses: where each response is kept before anything else is done with it.
        budget: counts and limits the cost.

    Yields:
        Each request with its response, in the order of the requests.

    Raises:
        TunelineError: if the budget could be passed, or for what no retry would fix; responses
            that are under way are still kept.
    """
    under_way: deque[_UnderWay] = deque()
    ahead = provider.concurrency * READ_AHEAD
    pool = ThreadPoolExecutor(provider.concurrency)
    try:
        for request in requests:
            known = responses.read(request.step, request.key(provider.identity))
            if request.last and isinstance(known, Failure):
                known = None
            most = 0.0 if known else budget.bound(request)
            while under_way and (len(under_way) >= ahead or not budget.has_room(most)):
                yield _settle(under_way.popleft(), budget)
            budget.reserve(most)
            future = pool.submit(_ask, request, known, provider, responses)
            under_way.append(_UnderWay(request, most, future))
        while under_way:
            yield _settle(under_way.popleft(), budget)
    finally:
        pool.shutdown(cancel_futures=True)


def log_progress(answered: Iterable[Answered], what: str) -> Iterator[Answered]:
    """Pass responses on and say, every few seconds, how many there are and how fast they come.

    Args:
        answered: the responses.
        what: what they hold, for the log.

    Yields:
        The same responses.
    """
    start = last = time.monotonic()
    for number, one in enumerate(answered, start=1):
        yield one
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            log.info(
                "%s: %s responses, %.1f a second.", what, f"{number:,}", number / (now - start)
            )


def _ask(
    request: Request, known: Response | Failure | None, provider: Provider, responses: Responses
) -> Response | Failure:
    """Ask, and keep the response in the same breath: from here on it cannot be lost.

    A failure is kept as well, or a later run would ask for items that another attempt has brought.
    """
    if known:
        return known
    response = provider.ask(request)
    if isinstance(response, Response) or not request.last:
        responses.write(request.step, request.key(provider.identity), response)
    return response


def _settle(one: _UnderWay, budget: Budget) -> Answered:
    response = one.future.result()
    budget.settle(one.request, one.reserved, response)
    return Answered(one.request, response)

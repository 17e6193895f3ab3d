"""Many requests at once: every response is kept, and the budget never passed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import NamedTuple, TypeVar

from tuneline.llm_api.budget import Budget
from tuneline.llm_api.requests import Failure, Provider, Request, Response
from tuneline.utils.caches import Cache
from tuneline.utils.progress import track

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

    `write` makes the request for a batch, of its attempt (from 1) and of whether that is the last
    one. Gives each batch with its request and response, in the order of the items.

    Raises:
        TunelineError: as `ask_all`.
    """
    for attempt in range(1, asker.attempts + 1):
        missing = [item for item in items if is_missing(item)]
        starts = range(0, len(missing), asker.batch_size)
        batches = [missing[start : start + asker.batch_size] for start in starts]
        last = attempt == asker.attempts
        requests = (write(batch, attempt, last) for batch in batches)
        answers = zip(batches, ask_all(requests, asker), strict=True)
        yield from track(answers, "Asking", "requests", len(batches))


def ask_all(requests: Iterable[Request], asker: Asker) -> Iterator[Answered]:
    """Ask requests, some at once; what was asked before, or is being asked, is not asked again.

    Memory holds a few requests for each one under way, whatever their number. Each request comes
    with its response, in the order of the requests.

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
    budget.record(one.key, one.request, response, one.reserved)
    return Answered(one.request, response)

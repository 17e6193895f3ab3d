"""Who is asked, at what price, within one budget for all steps; and what it may cost, before."""

import logging
from collections.abc import Iterable
from typing import Any, cast

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.asker import Asker
from tuneline.llm_api.budget import Budget, estimate_tokens, find_price, price, price_batch
from tuneline.llm_api.requests import Provider, Request
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Price, Prices, Server, Synthesize
from tuneline.parameters.synthesis import LENGTH_LIMITS
from tuneline.utils.caches import Cache

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
FREE = Price(input=0, output=0, batch_input=0, batch_output=0)
# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]
# Next to its text an item's object holds its id, its quote and the names of the fields.
CHARACTERS_AROUND = 120
# The step in which a second model is asked, and where both models are stated.
JUDGE = "judge"
WRITER_BLOCK, JUDGE_BLOCK = "synthesize.server", "synthesize.documents.judge"
# Of one step: items, requests, tokens of prompts and completions.
Step = dict[str, int]


def choose_price(
    server: Server | None, where: str, synthesize: Synthesize, prices: Prices
) -> Price | None:
    """Find the price of the model that is asked; rules cost nothing.

    Raises:
        TunelineError: if there is a budget and no price to keep it by.
    """
    if server is None:
        return FREE
    found = find_price(server.model, prices)
    if found is None and synthesize.budget is not None:
        raise TunelineError(
            Problem(
                where=f"{where}.model",
                value=server.model,
                wrong="it has no price in `prices.models`",
                matters="the budget could not be kept",
                remedy="add its price (0 for a server of your own), or set `budget: null`",
            )
        )
    return found


def choose_server(synthesize: Synthesize) -> Server | None:
    """Choose the server that writes; none if rules do."""
    return synthesize.server if synthesize.provider == "server" else None


def make_asker(
    offline: Provider | None,
    responses: Cache,
    synthesize: Synthesize,
    prices: Prices,
    *earlier: Record,
) -> Asker:
    """Make what a step asks with, `offline` where no server does.

    The steps of the `earlier` records have spent of the same budget.
    """
    server = choose_server(synthesize)
    provider = ServerProvider(server, WRITER_BLOCK) if server else cast(Provider, offline)
    budget = _make_budget(server, WRITER_BLOCK, synthesize, prices, earlier)
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def make_judge(
    judge: Server, responses: Cache, synthesize: Synthesize, prices: Prices, *earlier: Record
) -> Asker:
    """Make what a judge is asked with, out of the same budget. See `make_asker`."""
    budget = _make_budget(judge, JUDGE_BLOCK, synthesize, prices, earlier)
    provider = ServerProvider(judge, JUDGE_BLOCK)
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def _make_budget(
    server: Server | None,
    where: str,
    synthesize: Synthesize,
    prices: Prices,
    earlier: Iterable[Record],
) -> Budget:
    sampling = server.sampling if server else {}
    return Budget(
        price=choose_price(server, where, synthesize, prices),
        limit=synthesize.budget,
        max_tokens=max((int(sampling[key]) for key in LENGTH_LIMITS if key in sampling), default=0),
        where="synthesize.budget",
        spent_before=sum(record["usage"]["dollars"] or 0.0 for record in earlier),
    )


def estimate_requests(
    requests: Iterable[Request], items: int, characters: float, prices: Prices
) -> Step:
    """Estimate the tokens of requests, everything asked once, with `characters` for an item."""
    tokens = [
        estimate_tokens((message["content"] for message in one.messages), prices)
        for one in requests
    ]
    written = estimate_tokens(["x" * round(characters + CHARACTERS_AROUND)], prices)
    return {
        "items": items,
        "requests": len(tokens),
        "prompt_tokens": sum(tokens),
        "completion_tokens": items * written,
    }


def price_steps(
    steps: dict[str, Step], assumptions: str, synthesize: Synthesize, prices: Prices
) -> dict[str, Any]:
    """Price what was estimated, in US dollars.

    Returns:
        `steps`; `models`: what all steps cost at once (`normal`) and as a `batch` by every model of
        the table; `dollars` of the models that are asked, none without a price; the `assumptions`
        in words.

    Raises:
        TunelineError: if the estimate is beyond the budget, so that nothing is asked.
    """
    everything = _sum(steps.values())
    written = _sum(step for name, step in steps.items() if name != JUDGE)
    writer, judge = choose_server(synthesize), synthesize.judge
    asked = [(choose_price(writer, WRITER_BLOCK, synthesize, prices), written)]
    if judge:
        asked.append((choose_price(judge, JUDGE_BLOCK, synthesize, prices), _sum([steps[JUDGE]])))
    parts = [price(*tokens, table) for table, tokens in asked if table]
    dollars = sum(parts) if len(parts) == len(asked) else None
    if dollars and synthesize.budget and dollars > synthesize.budget:
        raise TunelineError(
            Problem(
                where="synthesize.budget",
                value=synthesize.budget,
                wrong=f"the whole stage is estimated at {dollars:.2f} dollars",
                matters="the run would stop before its end",
                remedy="raise the budget, ask for less, or take a cheaper model",
            )
        )
    log.info("Estimated cost: %s.", "unknown" if dollars is None else f"{dollars:.4f} dollars")
    return {
        "steps": steps,
        "assumptions": f"{prices.characters_per_token:g} characters are one token; everything is "
        f"asked once; {assumptions}; prices as of {prices.as_of}",
        "models": {
            model: {"normal": price(*everything, one), "batch": price_batch(*everything, one)}
            for model, one in prices.models.items()
        },
        "dollars": dollars,
    }


def _sum(steps: Iterable[Step]) -> tuple[int, int]:
    """Add up the tokens of prompts and of completions."""
    listed = list(steps)
    return (
        sum(step["prompt_tokens"] for step in listed),
        sum(step["completion_tokens"] for step in listed),
    )

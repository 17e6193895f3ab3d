"""What the stage will cost, estimated before anything is asked, and what it did cost."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.budget import Budget, estimate_tokens, find_price, price, price_batch
from tuneline.llm_api.requests import Asker
from tuneline.llm_api.responses import Provider
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Price, Prices, Synthesize
from tuneline.parameters.synthesis import LENGTH_LIMITS
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.offline import OfflineProvider
from tuneline.pipelines.synthesize.rounds import Outcome, make_request
from tuneline.pipelines.synthesize.templates import read_vocabulary
from tuneline.utils.caches import Cache

FREE = Price(input=0, output=0, batch_input=0, batch_output=0)
# Next to its text an item's object holds its id, its quote and the names of the fields.
CHARACTERS_AROUND = 120
# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]


def choose_price(settings: Synthesize, prices: Prices) -> Price | None:
    """Find the price of the model that writes: nothing for the offline provider.

    Returns:
        The price; none if the table does not hold it.

    Raises:
        TunelineError: if there is a budget and no price to keep it by.
    """
    if settings.provider == "offline" or settings.server is None:
        return FREE
    found = find_price(settings.server.model, prices)
    if found is None and settings.budget is not None:
        raise TunelineError(
            Problem(
                where="synthesize.server.model",
                value=settings.server.model,
                wrong="it has no price in `prices.models`",
                matters="the budget could not be kept",
                remedy="add its price (0 for a server of your own), or set `budget: null`",
            )
        )
    return found


def estimate(
    templates: list[dict[str, Any]], settings: Synthesize, prices: Prices
) -> dict[str, dict[str, int]]:
    """Estimate requests and tokens of each step, everything asked once.

    Args:
        templates: those there are; new ones are taken to be as long.
        settings: how much is asked for.
        prices: characters per token.

    Returns:
        `items`, `requests`, `prompt_tokens`, `completion_tokens` by step. Answers are taken to be
        as long as templates, and questions half as long as the longest that is kept.
    """
    length = round(sum(len(one["text"]) for one in templates) / len(templates))
    question = settings.checks.question_characters[1] // 2
    missing = max(0, settings.templates - len(templates))
    steps = {
        "templates": (missing, length),
        "answers": (settings.conversations, length),
        "questions": (settings.conversations, question),
    }
    return {
        step: _estimate_step(step, items, length, written, settings, prices)
        for step, (items, written) in steps.items()
    }


def price_estimate(
    steps: dict[str, dict[str, int]], settings: Synthesize, prices: Prices
) -> dict[str, Any]:
    """Price an estimate in US dollars.

    Returns:
        `models`: at once (`normal`) and as a `batch` by every model of the table; `dollars` of the
        model that is asked, none without a price; the `assumptions` in words.
    """
    prompt = sum(step["prompt_tokens"] for step in steps.values())
    completion = sum(step["completion_tokens"] for step in steps.values())
    table = choose_price(settings, prices)
    return {
        "assumptions": f"{prices.characters_per_token:g} characters are one token; everything is "
        "asked once; new templates and answers are as long as the templates there are; a question "
        f"is half as long as the longest that is kept; prices as of {prices.as_of}",
        "models": {
            model: {
                "normal": price(prompt, completion, one),
                "batch": price_batch(prompt, completion, one),
            }
            for model, one in prices.models.items()
        },
        "dollars": price(prompt, completion, table) if table else None,
    }


def _estimate_step(
    step: str, items: int, source: int, text: int, settings: Synthesize, prices: Prices
) -> dict[str, int]:
    requests = -(-items // settings.batch_size)
    disfluency = step == "answers" and settings.quotas.disfluencies > 0
    item: Item = {"id": "00000-t000-0000", "source": "x" * source, "style": ""}
    item["disfluency"] = disfluency
    batch = [item] * min(items, settings.batch_size)
    instruction = getattr(settings.instructions, step)
    example = make_request(step, instruction, batch, attempt=1, last=False)
    prompt = estimate_tokens((message["content"] for message in example.messages), prices)
    completion = estimate_tokens(["x" * (text + CHARACTERS_AROUND)], prices)
    return {
        "items": items,
        "requests": requests,
        "prompt_tokens": requests * prompt,
        "completion_tokens": items * completion,
    }


def make_asker(
    vocabulary: dict[str, Any],
    responses: Cache,
    synthesize: Synthesize,
    prices: Prices,
    *earlier: Record,
) -> Asker:
    """Make what a step asks with.

    Args:
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        synthesize: who writes; batches, attempts and budget.
        prices: the price table.
        *earlier: records of the steps before, which spend of the same budget.

    Returns:
        The asker.
    """
    provider: Provider
    sampling: dict[str, Any] = {}
    if synthesize.provider == "server" and synthesize.server:
        provider = ServerProvider(synthesize.server, where="synthesize.server")
        sampling = synthesize.server.sampling
    else:
        provider = OfflineProvider(read_vocabulary(vocabulary), synthesize.seed)
    budget = Budget(
        price=choose_price(synthesize, prices),
        limit=synthesize.budget,
        max_tokens=max((int(sampling[key]) for key in LENGTH_LIMITS if key in sampling), default=0),
        where="synthesize.budget",
        spent_before=sum(record["usage"]["dollars"] or 0.0 for record in earlier),
    )
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what came badly."""
    return {"usage": asker.budget.report(), "invalid": outcome.invalid}

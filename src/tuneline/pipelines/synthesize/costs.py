"""What the stage will cost, estimated before anything is asked, and what it did cost."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.budget import Budget, estimate_tokens, find_price, price, price_batch
from tuneline.llm_api.client import Provider
from tuneline.llm_api.requests import Responses
from tuneline.llm_api.server import ServerProvider
from tuneline.parameters import Price, Prices, Synthesize
from tuneline.parameters.synthesis import LENGTH_LIMITS
from tuneline.pipelines.synthesize.filters import Item
from tuneline.pipelines.synthesize.offline import EmbeddedProvider
from tuneline.pipelines.synthesize.rounds import Asker, Outcome, make_request
from tuneline.pipelines.synthesize.templates import read_vocabulary

FREE = Price(input=0, output=0, batch_input=0, batch_output=0)
STEPS = ("templates", "answers", "questions")
# Next to its text an item's object holds its id, its quote and the names of the fields.
CHARACTERS_AROUND = 120


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
    lengths = {"templates": length, "answers": length, "questions": question}
    counts = {
        "templates": missing,
        "answers": settings.conversations,
        "questions": settings.conversations,
    }
    return {
        step: _estimate_step(step, counts[step], length, lengths[step], settings, prices)
        for step in STEPS
    }


def price_estimate(steps: dict[str, dict[str, int]], prices: Prices) -> dict[str, dict[str, float]]:
    """Price an estimate in US dollars by every model of the table, at once and as a batch."""
    prompt = sum(step["prompt_tokens"] for step in steps.values())
    completion = sum(step["completion_tokens"] for step in steps.values())
    return {
        model: {
            "normal": price(prompt, completion, table),
            "batch": price_batch(prompt, completion, table),
        }
        for model, table in prices.models.items()
    }


def estimate_dollars(
    steps: dict[str, dict[str, int]], settings: Synthesize, prices: Prices
) -> float | None:
    """Price an estimate by the model that is asked.

    Returns:
        US dollars; none for a model without a price.
    """
    table = choose_price(settings, prices)
    prompt = sum(step["prompt_tokens"] for step in steps.values())
    completion = sum(step["completion_tokens"] for step in steps.values())
    return price(prompt, completion, table) if table else None


def format_assumptions(prices: Prices) -> str:
    """Say in words what the estimate assumes."""
    return (
        f"{prices.characters_per_token:g} characters are one token; everything is asked once; new "
        "templates and answers are as long as the templates there are; a question is half as long "
        f"as the longest that is kept; prices as of {prices.as_of}"
    )


def make_budget(settings: Synthesize, prices: Prices, before: float) -> Budget:
    """Make the budget of one step.

    Args:
        settings: the budget, and the most tokens of a response.
        prices: the price table.
        before: US dollars that earlier steps spent.

    Returns:
        The budget.
    """
    sampling = settings.server.sampling if settings.server else {}
    most = max((int(sampling[key]) for key in LENGTH_LIMITS if key in sampling), default=0)
    table = choose_price(settings, prices)
    return Budget(table, settings.budget, most, where="synthesize.budget", before=before)


def _estimate_step(
    step: str, items: int, source: int, text: int, settings: Synthesize, prices: Prices
) -> dict[str, int]:
    requests = -(-items // settings.batch_size)
    item: Item = {"id": "00000-t000-0000", "source": "x" * source, "style": "", "disfluency": False}
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


# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]


def make_asker(
    vocabulary: dict[str, Any],
    responses: Responses,
    synthesize: Synthesize,
    prices: Prices,
    before: float = 0.0,
) -> Asker:
    """Make what a step asks with.

    Args:
        vocabulary: the words of the offline provider.
        responses: where every response is kept.
        synthesize: who writes; batches and attempts.
        prices: the price table.
        before: US dollars that earlier steps spent of the same budget.

    Returns:
        The asker.
    """
    provider: Provider
    if synthesize.provider == "server" and synthesize.server:
        provider = ServerProvider(synthesize.server, where="synthesize.server")
    else:
        provider = EmbeddedProvider(read_vocabulary(vocabulary), synthesize.seed)
    budget = make_budget(synthesize, prices, before)
    return Asker(provider, responses, budget, synthesize.batch_size, synthesize.attempts)


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what came badly."""
    return {"usage": asker.budget.report(), "invalid": outcome.invalid}


def add_up(*records: Record) -> float:
    """Add up what steps spent, in US dollars; nothing where the price is unknown."""
    return sum(record["usage"]["dollars"] or 0.0 for record in records)

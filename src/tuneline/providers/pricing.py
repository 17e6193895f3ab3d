"""What requests cost: estimated before, bounded on the way, counted after."""

import math
from collections.abc import Iterable

from tuneline.parameters.prices import Price, Prices

MILLION = 1_000_000


def estimate_tokens(texts: Iterable[str], prices: Prices) -> int:
    """Estimate how many tokens texts have, by the table's characters per token."""
    return math.ceil(sum(map(len, texts)) / prices.characters_per_token)


def bound_tokens(texts: Iterable[str]) -> int:
    """Bound the tokens of a prompt from above.

    A byte-level tokenizer has at most one token per byte; eight more stand around each message.
    """
    return sum(len(text.encode()) + 8 for text in texts)


def price(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, at once."""
    return (prompt_tokens * table.input + completion_tokens * table.output) / MILLION


def price_batch(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, through the provider's batch service."""
    return (prompt_tokens * table.batch_input + completion_tokens * table.batch_output) / MILLION


def find_price(model: str, prices: Prices) -> Price | None:
    """Find a model's price; a dated one (`gpt-4.1-mini-2025-04-14`) has its family's.

    Args:
        model: as the server names it.
        prices: the price table.

    Returns:
        Its price; none if the table holds neither the model nor its family.
    """
    named = [name for name in prices.models if model == name or model.startswith(f"{name}-2")]
    return prices.models[max(named, key=len)] if named else None

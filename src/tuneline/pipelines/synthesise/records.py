"""Whom a step asks, and what it costs: the provider, the store of replies, the meter."""

from typing import Any

from tuneline.parameters import Prices, Synthesise
from tuneline.pipelines.synthesise.costs import make_meter
from tuneline.pipelines.synthesise.embedded import EmbeddedProvider
from tuneline.pipelines.synthesise.rounds import Asker, Outcome
from tuneline.pipelines.synthesise.vocabulary import read_vocabulary
from tuneline.providers import Provider, ServerProvider
from tuneline.providers.replies import Replies

# Of one step: `usage` as the server reported it, and the `invalid` items.
Record = dict[str, Any]


def make_asker(
    vocabulary: dict[str, Any],
    replies: Replies,
    synthesise: Synthesise,
    prices: Prices,
    before: float = 0.0,
) -> Asker:
    """Make what a step asks with.

    Args:
        vocabulary: the words of the embedded provider.
        replies: where every reply is kept.
        synthesise: who writes; batches and attempts.
        prices: the price table.
        before: US dollars that earlier steps spent of the same budget.

    Returns:
        The asker.
    """
    provider: Provider
    if synthesise.provider == "server" and synthesise.server:
        provider = ServerProvider(synthesise.server, where="synthesise.server")
    else:
        provider = EmbeddedProvider(read_vocabulary(vocabulary), synthesise.seed)
    meter = make_meter(synthesise, prices, before)
    return Asker(provider, replies, meter, synthesise.batch_size, synthesise.attempts)


def make_record(outcome: Outcome, asker: Asker) -> Record:
    """Record what a step cost and what came badly."""
    return {"usage": asker.meter.report(), "invalid": outcome.invalid}


def add_up(*records: Record) -> float:
    """Add up what steps spent, in US dollars; nothing where the price is unknown."""
    return sum(record["usage"]["dollars"] or 0.0 for record in records)

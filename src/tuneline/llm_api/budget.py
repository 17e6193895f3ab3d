"""Counts what responses cost, and stops before the budget is passed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.client import Failure, Request, Response
from tuneline.parameters.services import Price, Prices

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


@dataclass
class Budget:
    """Counts what the responses cost and refuses the request that could pass the budget.

    Attributes:
        table: the model's price; none for a provider that costs nothing, or whose price is unknown.
        budget: US dollars; none for no limit.
        max_tokens: of one response, at most.
        where: name of the budget's parameter, for the message.
        before: US dollars that earlier steps have spent of the same budget.
    """

    table: Price | None
    budget: float | None
    max_tokens: int
    where: str
    before: float = 0.0
    responses: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unreported: int = 0
    reserved: float = 0.0

    @property
    def spent(self) -> float:
        """US dollars of this step, as the server reported the tokens."""
        return price(self.prompt_tokens, self.completion_tokens, self.table) if self.table else 0.0

    def bound(self, request: Request) -> float:
        """Bound what a request can cost, in US dollars."""
        return price(_bound_prompt(request), self.max_tokens, self.table) if self.table else 0.0

    def has_room(self, most: float) -> bool:
        """Tell whether a request of at most this cost can be asked within the budget."""
        total = self.before + self.spent + self.reserved + most
        return self.budget is None or total <= self.budget

    def reserve(self, most: float) -> None:
        """Set aside the most that a request can cost.

        Raises:
            TunelineError: if this could pass the budget.
        """
        if not self.has_room(most):
            raise TunelineError(
                Problem(
                    where=self.where,
                    value=self.budget,
                    wrong=f"{self.before + self.spent:.4f} dollars are spent, and the next request "
                    f"could cost {most:.4f}",
                    matters="the run stopped before the budget is passed; every response is kept",
                    remedy="raise the budget and run the same command again; nothing is paid twice",
                )
            )
        self.reserved += most

    def settle(self, request: Request, reserved: float, response: Response | Failure) -> None:
        """Replace what was set aside by what the server reported, or by the most it can be."""
        self.reserved -= reserved
        if isinstance(response, Failure):
            return
        self.responses += 1
        if response.prompt_tokens is None or response.completion_tokens is None:
            self.unreported += 1
            self.prompt_tokens += _bound_prompt(request)
            self.completion_tokens += self.max_tokens
        else:
            self.prompt_tokens += response.prompt_tokens
            self.completion_tokens += response.completion_tokens

    def report(self) -> dict[str, float | int | None]:
        """Sum up: responses, tokens, US dollars (none where the price is unknown)."""
        return {
            "responses": self.responses,
            "responses_without_usage": self.unreported,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "dollars": self.spent if self.table else None,
        }


def _bound_prompt(request: Request) -> int:
    return bound_tokens(message["content"] for message in request.messages)

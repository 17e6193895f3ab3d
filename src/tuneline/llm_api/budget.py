"""What requests cost, and the budget, which is never passed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from tuneline.errors import Problem, TunelineError
from tuneline.llm_api.requests import Failure, Request, Response
from tuneline.parameters import Price, Prices

MILLION = 1_000_000


def estimate_tokens(texts: Iterable[str], prices: Prices) -> int:
    """Estimate how many tokens texts have, by the table's characters per token."""
    return math.ceil(sum(map(len, texts)) / prices.characters_per_token)


def bound_tokens(texts: Iterable[str]) -> int:
    """Bound the tokens of a prompt from above.

    A byte-level tokenizer has at most one token per byte; eight more are around each message.
    """
    return sum(len(text.encode()) + 8 for text in texts)


def price(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, at once."""
    return (prompt_tokens * table.input + completion_tokens * table.output) / MILLION


def price_batch(prompt_tokens: int, completion_tokens: int, table: Price) -> float:
    """Price tokens in US dollars, through the provider's batch service."""
    return (prompt_tokens * table.batch_input + completion_tokens * table.batch_output) / MILLION


def find_price(model: str, prices: Prices) -> Price | None:
    """Find a model's price; a dated one (`gpt-4.1-mini-2025-04-14`) has its family's."""
    named = [name for name in prices.models if model == name or model.startswith(f"{name}-2")]
    return prices.models[max(named, key=len)] if named else None


@dataclass
class Budget:
    """Counts what the responses cost and refuses the request that could pass the limit.

    Attributes:
        price: the model's; none for a provider that costs nothing, or whose price is unknown.
        limit: US dollars; none for no limit.
        max_tokens: of one response, at most.
        where: name of the limit's parameter, for the message.
        spent_before: US dollars that earlier steps have spent of the same budget.
        reserved: US dollars that the requests under way cost at most.
        recorded: keys of the requests whose responses are counted; each is paid once.
    """

    price: Price | None = None
    limit: float | None = None
    max_tokens: int = 0
    where: str = ""
    spent_before: float = 0.0
    responses: int = 0
    responses_without_usage: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reserved: float = 0.0
    recorded: set[str] = field(default_factory=set)

    @property
    def spent(self) -> float:
        """US dollars of this step, as the server reported the tokens."""
        return self._price(self.prompt_tokens, self.completion_tokens)

    def upper_bound(self, request: Request) -> float:
        """Bound what a request can cost, in US dollars."""
        return self._price(_bound_prompt(request), self.max_tokens)

    def allows(self, dollars: float) -> bool:
        """Tell whether a request of at most this cost stays within the limit."""
        total = self.spent_before + self.spent + self.reserved + dollars
        return self.limit is None or total <= self.limit

    def reserve(self, dollars: float) -> None:
        """Set aside the most that a request can cost.

        Raises:
            TunelineError: if this could pass the limit.
        """
        if not self.allows(dollars):
            raise TunelineError(
                Problem(
                    where=self.where,
                    value=self.limit,
                    wrong=f"{self.spent_before + self.spent:.4f} dollars are spent, and the next "
                    f"request could cost {dollars:.4f}",
                    matters="the run stopped before the budget is passed; every response is kept",
                    remedy="raise the budget and run the same command again; nothing is paid twice",
                )
            )
        self.reserved += dollars

    def record(
        self, key: str, request: Request, response: Response | Failure, reserved: float = 0.0
    ) -> None:
        """Replace what was set aside by what the server reported, or by the most it can be."""
        self.reserved -= reserved
        if isinstance(response, Failure) or key in self.recorded:
            return
        self.recorded.add(key)
        self.responses += 1
        if response.prompt_tokens is None or response.completion_tokens is None:
            self.responses_without_usage += 1
            self.prompt_tokens += _bound_prompt(request)
            self.completion_tokens += self.max_tokens
        else:
            self.prompt_tokens += response.prompt_tokens
            self.completion_tokens += response.completion_tokens

    def report(self) -> dict[str, float | int | None]:
        """Sum up: responses, tokens, US dollars (none where the price is unknown)."""
        return {
            "responses": self.responses,
            "responses_without_usage": self.responses_without_usage,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "dollars": self.spent if self.price else None,
        }

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float:
        return price(prompt_tokens, completion_tokens, self.price) if self.price else 0.0


def _bound_prompt(request: Request) -> int:
    return bound_tokens(message["content"] for message in request.messages)

"""Base and tuned model as one loaded model, and the tokens that they have for a prompt."""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import MODELS, Message, ModelName
from tuneline.models.adapted_model import become, load_tuned
from tuneline.models.adapter import Adapter
from tuneline.models.architecture import measure_context
from tuneline.models.generation import Answer, stream_answer, warm_up
from tuneline.models.loading import load_model_config
from tuneline.models.rendering import render_prompt
from tuneline.parameters import Evaluation, Hardware, Recipe


@dataclass(frozen=True)
class ModelPair:
    """Base and tuned model: one model in memory, its adapter switched off or on.

    Only one of them can answer at a time.

    Attributes:
        model: a PeftModel, in evaluation mode.
        tokenizer: the adapter's, chat template included.
        evaluation: the decoding, the same for both.
    """

    model: Any
    tokenizer: Any
    evaluation: Evaluation

    def become(self, who: ModelName) -> AbstractContextManager[Any]:
        """Make the model base or tuned as long as the block lasts."""
        return become(self.model, who)

    def stream(self, who: ModelName, messages: list[Message]) -> Generator[str, None, Answer]:
        """Let one of the two answer; see `stream_answer`."""
        prompt = render_prompt(self.tokenizer, messages)
        with self.become(who):
            return (yield from stream_answer(self.model, self.tokenizer, prompt, self.evaluation))

    def warm_up(self) -> None:
        """Pay for what only the first answer of each costs, so that no speed shown holds it."""
        prompt = render_prompt(self.tokenizer, [{"role": "user", "content": "?"}])
        for who in MODELS:
            with self.become(who):
                warm_up(self.model, self.tokenizer, prompt, self.evaluation)


def load_pair(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> ModelPair:
    """Load the base model once and put the adapter on it.

    Args:
        adapter: the adapter; `find_incompatibilities` tells whether it belongs to this base model.
        recipe: names the base model.
        evaluation: the decoding.
        hardware: the machine.

    Returns:
        The pair.
    """
    model = load_tuned(adapter, recipe, hardware)
    return ModelPair(model=model, tokenizer=adapter.tokenizer, evaluation=evaluation)


@dataclass(frozen=True)
class ContextBudget:
    """How many tokens there are for a prompt.

    Attributes:
        context: tokens that the base model reads, prompt and answer together; None for any number.
        answer: tokens that the answer may have.
    """

    context: int | None
    answer: int

    def find_overlong(self, where: str, tokens: int) -> Iterator[Problem]:
        """Find out whether a prompt leaves no room for its answer.

        Args:
            where: where the prompt comes from, for the message.
            tokens: of the prompt.

        Yields:
            The problem, if it is one.
        """
        if self.context is not None and tokens + self.answer > self.context:
            yield Problem(
                where=where,
                wrong=f"its prompt has {tokens:,} tokens and the answer may have {self.answer:,}; "
                f"the base model reads {self.context:,} together",
                matters="the model would lose its beginning, or the answer its end",
                remedy=f"shorten it to {max(0, self.context - self.answer):,} tokens, or lower "
                "`evaluation.generation.max_new_tokens`",
            )


def measure_context_budget(recipe: Recipe, evaluation: Evaluation) -> ContextBudget:
    """Measure how long a prompt may be, from the base model's config and the decoding.

    Args:
        recipe: names the base model.
        evaluation: states `max_new_tokens`.

    Returns:
        The budget.
    """
    return ContextBudget(
        context=measure_context(load_model_config(recipe)),
        answer=evaluation.generation.get("max_new_tokens") or 0,
    )

"""How conversations are made where data is lacking."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tuneline.parameters.base import Block, Seed
from tuneline.parameters.shared import Moderation, Server

# What a response may cost can only be bounded by one of these.
LENGTH_LIMITS = ("max_completion_tokens", "max_tokens")


class Instructions(Block):
    """What a server is told at each step; the offline provider needs no words."""

    templates: str = Field(description="how to write new templates")
    answers: str = Field(description="how to answer in the persona's voice")
    questions: str = Field(description="how to ask what an answer answers")


class Checks(Block):
    """What a written text must look like to be kept."""

    characters: tuple[int, int] = Field(description="least and most, of an answer")
    question_characters: tuple[int, int] = Field(description="least and most, of a question")
    common_words: list[str] = Field(
        min_length=1, description="the language's most frequent words; see `least_common`"
    )
    least_common: float = Field(
        ge=0, le=1, description="least share of `common_words` in a text of its language"
    )
    similarity_threshold: float = Field(
        gt=0, le=1, description="similarity from which a question repeats its answer"
    )


class Quotas(Block):
    """What the conversations must be made of."""

    styles: dict[str, float] = Field(min_length=1, description="share of each style")
    disfluencies: float = Field(
        default=0, ge=0, le=1, description="share of answers with a disfluency"
    )
    tolerance: float = Field(
        ge=0, le=1, description="how far a share may be off; beyond it the stage refuses"
    )

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = sum(self.styles.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(
                f"the shares of `styles` add up to {total:g}; not every conversation would have "
                "one style; make them add up to 1"
            )
        return self


class Synthesize(Block):
    """Templates → conversations: who writes, how much, and what is kept."""

    provider: Literal["offline", "server"] = Field(
        description="offline: rules and vocabularies, free; server: a language model"
    )
    server: Server | None = Field(default=None, description="for `provider: server`")
    persona: str = Field(description="system message of every conversation")
    quotas: Quotas = Field(description="what the conversations must be made of")
    templates: int = Field(gt=0, description="templates wanted; missing ones are asked for")
    near_duplicate_threshold: float = Field(
        gt=0, le=1, description="similarity from which a new template is dropped"
    )
    conversations: int = Field(gt=0, description="conversations asked for")
    batch_size: int = Field(gt=0, description="items per request")
    attempts: int = Field(gt=0, description="how often an item is asked for, at most")
    instructions: Instructions = Field(description="what a server is told")
    checks: Checks = Field(description="what a text must look like to be kept")
    budget: float | None = Field(
        default=None, gt=0, description="US dollars for all requests of the stage; null for none"
    )
    moderation: Moderation = Field(description="who clears each conversation")
    seed: Seed = Field(
        default=3407,
        description="decides every choice of the offline provider, and the order of the rows",
    )

    @model_validator(mode="after")
    def _server_is_stated(self) -> Self:
        if self.provider == "server" and not self.server:
            raise ValueError(
                "`provider: server` has no `server`; nobody could be asked; state its base_url "
                "and model"
            )
        return self

    @model_validator(mode="after")
    def _budget_can_be_kept(self) -> Self:
        bounded = self.server and any(key in self.server.sampling for key in LENGTH_LIMITS)
        if self.provider == "server" and self.budget and not bounded:
            raise ValueError(
                "a `budget` needs `server.sampling.max_tokens`; without it one response could cost "
                "any amount; state the most tokens of a response"
            )
        return self

"""What an evaluation asks for besides the answers of base and tuned model."""

from typing import Self

import regex
from pydantic import Field, PositiveInt, model_validator

from tuneline.parameters.base import Block

# Each fold has nodes of its own; who has more rows than this has enough to hold some of them out.
MOST_FOLDS = 100
# Prompts of the retention suite, and tokens of the longest answer to one: the plan counts them.
GENERAL_PROMPTS, GENERAL_TOKENS = 200, 24


class AnswerRules(Block):
    """What every answer must keep to, as an expert of the field states it.

    A row may state rules of its own, in the columns that `data.answer_rules` names.
    """

    contain: list[str] = Field(default=[], description="terms that must be in it")
    exclude: list[str] = Field(default=[], description="terms that must not be in it")
    pattern: str | None = Field(
        default=None, description="regular expression that must match somewhere in it"
    )
    number: float | None = Field(default=None, description="number that must be in it")
    tolerance: float = Field(
        default=0, ge=0, description="how far a number may be off, in its own unit"
    )

    @property
    def are_stated(self) -> bool:
        """Whether there is any rule."""
        return bool(self.contain or self.exclude or self.pattern or self.number is not None)

    @model_validator(mode="after")
    def _pattern_is_one(self) -> Self:
        if self.pattern is not None:
            try:
                regex.compile(self.pattern)
            except regex.error as error:
                raise ValueError(
                    f"the pattern `{self.pattern}` is no regular expression ({error}); no answer "
                    "could be held against it; correct it, or put `\\` before its special signs"
                ) from error
        return self


class RuleColumns(Block):
    """Columns with the rules of single rows; an empty cell states none."""

    contain: str | None = Field(default=None, description="terms: a list, or `a; b`")
    exclude: str | None = Field(default=None, description="the same")
    pattern: str | None = Field(default=None, description="a regular expression")
    number: str | None = Field(default=None, description="a number")

    def list_columns(self) -> list[str]:
        """List the columns that are named."""
        return [column for _, column in self if column]


class Prompting(Block):
    """The base model with a good prompt: what the adapter has to beat to be worth its training."""

    instruction: str | None = Field(
        default=None,
        min_length=1,
        description="what a good prompt says before the row's own; asked alone and with examples; "
        "null: the row's prompt says it all",
    )
    shots: PositiveInt = Field(
        default=8, description="training examples most like the prompt that are put before it"
    )
    max_tokens: PositiveInt = Field(
        default=2048,
        description="of a prompt with its examples; those that do not fit are out",
    )
    margin: float = Field(
        default=2.0, gt=0, description="points of 100; a gain that is surely smaller counts as none"
    )


class Retention(Block):
    """General prompts that base and tuned model answer, to see what the training has cost."""

    margin: float = Field(
        default=10.0,
        gt=0,
        lt=100,
        description="points of 100 that the tuned model may be worse over all prompts",
    )
    kind_margin: float = Field(
        default=20.0,
        gt=0,
        lt=100,
        description="the same within a kind, which has fewer prompts; a kind of which the base "
        "model has no more right is not counted",
    )

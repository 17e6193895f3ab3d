"""The criteria that answers are rated by, and who rates."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block
from tuneline.parameters.shared import Server


class Criterion(Block):
    """One thing that an answer is rated for, from 0 to 10."""

    name: str = Field(min_length=1, description="as the report shows it; each name once")
    description: str = Field(min_length=1, description="what 0 and 10 mean, in a sentence")


class Rubric(Block):
    """Criteria, and who rates by them."""

    criteria: list[Criterion] = Field(min_length=1, description="what is rated, each from 0 to 10")
    prompts: int = Field(default=30, gt=0, description="prompts to rate: questions, then test rows")
    people: bool = Field(default=False, description="export a blinded sheet, read it back")
    judge: Server | None = Field(default=None, description="a model that rates; null for none")

    @field_validator("criteria")
    @classmethod
    def _names_differ(cls, criteria: list[Criterion]) -> list[Criterion]:
        names = [criterion.name for criterion in criteria]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise ValueError(
                f"the criterion `{twice}` is there twice; one rating would replace the other; "
                "name each of them once"
            )
        return criteria

    @model_validator(mode="after")
    def _somebody_rates(self) -> Self:
        if not self.people and self.judge is None:
            raise ValueError(
                "neither `people` nor `judge` is stated; nobody would rate; set `people: true`, "
                "state a `judge`, or leave the rubric out"
            )
        return self

"""All blocks of one use case."""

from copy import deepcopy
from string import Formatter
from typing import Any, Self

from pydantic import Field, NonNegativeInt, model_validator

from tuneline.errors import suggest
from tuneline.parameters.base import Block, Seed
from tuneline.parameters.data import Data
from tuneline.parameters.evaluation import Evaluation
from tuneline.parameters.synthesis import Synthesize
from tuneline.parameters.training import Prompt, Recipe


class Publish(Block):
    """Where a release goes, and what no record of the run can know: licenses, languages, limits."""

    repo_id: str | None = Field(
        default=None, description="owner/name on the hub; stated here and nowhere else"
    )
    private: bool = Field(default=True, description="false: everybody sees it once it is whole")
    dry_run: bool = Field(
        default=True, description="true: show what would be uploaded; false on the command line"
    )
    license: str | None = Field(
        default=None, description="of the adapter; the hub's identifier, such as apache-2.0"
    )
    base_license: str | None = Field(default=None, description="of the base model, the same way")
    data_license: str | None = Field(default=None, description="of the training data, in words")
    data: str | None = Field(default=None, description="where the training data come from")
    language: list[str] = Field(
        default=[], description="languages of the answers, ISO 639-1 codes such as cs"
    )
    datasets: list[str] = Field(
        default=[], description="hub ids of the training data, where they are on the hub"
    )
    limits: list[str] = Field(
        default=[], description="what the adapter should not be used for; one sentence each"
    )
    examples: NonNegativeInt = Field(
        default=0, description="held-out rows that the card shows with both models' answers"
    )


# Blocks that draw at random. Each may state a seed of its own; else it has that of its use case.
SEEDED_BLOCKS = (("data", "split"), ("recipe",), ("evaluation",), ("synthesize",))


def spread_seed(use_case: dict[str, Any]) -> dict[str, Any]:
    """Give the seed of a use case to the blocks that state none, as they were read from YAML."""
    if "seed" not in use_case:
        return use_case
    spread = deepcopy(use_case)
    for path in SEEDED_BLOCKS:
        block: Any = spread
        for key in path:
            block = block.get(key) if isinstance(block, dict) else None
        if isinstance(block, dict):
            block.setdefault("seed", use_case["seed"])
    return spread


class UseCase(Block):
    """All blocks of one use case, in the order in which its YAML states them."""

    seed: Seed = Field(description="of splits, training, intervals and synthesis")
    synthesize: Synthesize | None = Field(
        default=None, description="makes the raw rows first; null: they are brought"
    )
    data: Data = Field(description="what is read, cleaned and divided")
    prompt: Prompt = Field(description="the words around a row")
    recipe: Recipe = Field(description="what is trained and how")
    evaluation: Evaluation = Field(description="how both models are compared")
    publish: Publish = Field(
        default=Publish(), description="what becomes of the adapter on the hub"
    )

    @model_validator(mode="after")
    def _placeholders_are_columns(self) -> Self:
        unknown = sorted(self.prompt.placeholders() - set(self.data.pair_columns))
        if unknown == [""]:
            raise ValueError(
                "`prompt` holds a placeholder without a name; it could not be filled; name a "
                "column, as in `{title}`, and write a brace itself as `{{` or `}}`"
            )
        numbers = sorted(name for name in self.prompt.placeholders() if name.isdecimal())
        if numbers:
            raise ValueError(
                f"`prompt` holds the placeholder `{{{numbers[0]}}}`; a number in a template is a "
                "place and no name; rename the column in the raw file"
            )
        if unknown:
            raise ValueError(
                f"the placeholder `{{{unknown[0]}}}` in `prompt` is none of the columns "
                f"{self.data.pair_columns}; the prompt could not be filled; "
                f"{suggest(unknown[0], self.data.pair_columns)}"
            )
        return self

    @model_validator(mode="after")
    def _questions_fit_the_system_message(self) -> Self:
        columns = {name for _, name, _, _ in Formatter().parse(self.prompt.system or "") if name}
        if self.evaluation.questions and columns:
            raise ValueError(
                f"`prompt.system` holds `{{{min(columns)}}}`, and `evaluation.questions` have no "
                "columns; a question could not be asked with the system message of the training; "
                "leave the placeholder or the questions out"
            )
        return self

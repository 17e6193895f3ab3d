"""All blocks of one use case; that of the evaluation is here."""

from copy import deepcopy
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from tuneline.errors import suggest
from tuneline.parameters.base import Block, Seed
from tuneline.parameters.cleaning import LANGUAGES
from tuneline.parameters.data import Data
from tuneline.parameters.evaluation import MOST_FOLDS, AnswerRules, Prompting, Retention
from tuneline.parameters.examples import Prompt, list_placeholders
from tuneline.parameters.publish import Publish
from tuneline.parameters.recipe import StatedRecipe
from tuneline.parameters.rubric import Rubric
from tuneline.parameters.sweep import Sweep
from tuneline.parameters.synthesis import Synthesize

# What can be asked for besides: Bokmål, which the model calls `no`, and languages in one script.
WRITTEN = "nb sr-Cyrl sr-Latn zh-Hans zh-Hant"
# Blocks that draw at random. Each may state a seed of its own; else it has that of its use case.
SEEDED_BLOCKS = (("data", "split"), ("recipe",), ("evaluation",), ("synthesize",))


class Evaluation(Block):
    """How base and tuned model answer the held-out prompts, and what is measured."""

    title: str = Field(description="heading of the report")
    questions: list[str] = Field(
        default=[],
        description="fixed questions of the field, asked before and after; each fills the "
        "prompt's column, where it has one only; in no split",
    )
    generation: dict[str, Any] = Field(
        description="keys of GenerationConfig; the same for both models"
    )
    sections: list[str] = Field(
        default=[], description="headings that every answer must hold, in this order"
    )
    language: str | None = Field(
        default=None,
        description="language that answers should be in: an ISO 639-1 code, with a script where it "
        "matters: `zh` takes either, `zh-Hant` and `zh-Hans` one",
    )
    rules: AnswerRules = Field(default=AnswerRules(), description="what every answer must keep to")
    usable: float = Field(
        default=80.0,
        ge=0,
        le=100,
        description="percent of usable answers below which the verdict begins with them",
    )
    prompting: Prompting | None = Field(
        default=None, description="the base model is asked with a good prompt, too; null: it is not"
    )
    cross_fit: int | None = Field(
        default=None,
        description="for few rows: 2 to 100 adapters, each asked the part of the rows that it was "
        "not trained on, so that every row is a test prompt; in conf/base only; null: the test "
        "split is asked",
    )
    retention: Retention | None = Field(
        default=Retention(),
        description="base and tuned model answer general prompts, too: what did it forget? null: "
        "they do not, as of a base model that follows no instruction",
    )
    fail_when_worse: bool = Field(
        default=False,
        description="end the command with status 3 if the verdict is worse, once all is written",
    )
    rubric: Rubric | None = Field(
        default=None, description="who rates, and for what; null for none"
    )
    confidence: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    resamples: int = Field(
        default=10_000, ge=100, description="random swaps of the permutation test"
    )
    seed: Seed = Field(
        default=3407,
        description="of the permutation test, of what is rated, and of decoding where it samples",
    )

    @field_validator("cross_fit")
    @classmethod
    def _every_fold_leaves_rows(cls, folds: int | None) -> int | None:
        if folds is not None and not 2 <= folds <= MOST_FOLDS:
            why = (
                "no row would be left to train on"
                if folds < 2
                else "so many adapters are for more rows than need it"
            )
            raise ValueError(
                f"{folds} is no number of folds from 2 to {MOST_FOLDS}; {why}; 5 is usual, "
                "and null holds a test split out"
            )
        return folds

    @field_validator("language")
    @classmethod
    def _language_is_known(cls, language: str | None) -> str | None:
        known = sorted(f"{LANGUAGES} {WRITTEN}".split())
        if language is not None and language not in known:
            raise ValueError(
                f"py3langid does not know the language `{language}`; answers in it could not be "
                f"told from others; take one of {', '.join(known)}"
            )
        return language


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


def apply_published(use_case: dict[str, Any]) -> dict[str, Any]:
    """Put the published recipe in the place of the use case's own, if `as_published` asks for it.

    The keys of `lora` are each taken for themselves.
    """
    recipe, published = (use_case.get(key) for key in ("recipe", "recipe_as_published"))
    if use_case.get("as_published") is not True or not isinstance(published, dict):
        return use_case
    if not isinstance(recipe, dict):
        return use_case
    lora = {**(recipe.get("lora") or {}), **(published.get("lora") or {})}
    return use_case | {"recipe": recipe | published | {"lora": lora}}


class UseCase(Block):
    """All blocks of one use case, in the order in which its YAML states them."""

    seed: Seed = Field(description="of splits, training, intervals and synthesis")
    synthesize: Synthesize | None = Field(
        default=None, description="makes the raw rows first; null: they are brought"
    )
    data: Data = Field(description="what is read, cleaned and divided")
    prompt: Prompt = Field(description="the words around a row")
    recipe: StatedRecipe = Field(description="what is trained and how")
    recipe_as_published: dict[str, Any] = Field(
        default={},
        description="keys of `recipe` that those who published the use case had otherwise",
    )
    as_published: bool = Field(
        default=False, description="train with `recipe_as_published`, to compare the two"
    )
    sweep: Sweep = Field(default=Sweep(), description="which recipes a few short trainings try")
    evaluation: Evaluation = Field(description="how both models are compared")
    publish: Publish = Field(
        default=Publish(), description="what becomes of the adapter on the hub"
    )

    @model_validator(mode="after")
    def _published_recipe_is_one(self) -> Self:
        if self.as_published and not self.recipe_as_published:
            raise ValueError(
                "`as_published` is true, and there is no `recipe_as_published`; nothing would be "
                "trained otherwise; leave `as_published` out"
            )
        try:
            StatedRecipe.model_validate({**self.recipe.model_dump(), **self.recipe_as_published})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            wrong = str(first["msg"]).split(";")[0]
            raise ValueError(
                f"`recipe_as_published.{first['loc'][0]}: {first['input']}`: {wrong}; it could not "
                "be trained; correct the value"
            ) from error
        return self

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
    def _every_row_can_be_held_out(self) -> Self:
        pinned = self.data.split.pinned
        named = "data.split.pinned" if pinned.test or pinned.validation else None
        named = "data.table" if self.data.table else named
        if self.evaluation.cross_fit and named:
            why = (
                "the questions of a table share its facts, and no part of them can be held out by "
                "itself; leave `cross_fit` out"
                if self.data.table
                else "every row is held out once, so that none can be named for one split; state "
                "`test` and `validation` as numbers, or leave `cross_fit` out"
            )
            raise ValueError(f"`evaluation.cross_fit` is stated next to `{named}`; {why}")
        return self

    @model_validator(mode="after")
    def _what_was_seen_is_not_held_out(self) -> Self:
        if self.evaluation.cross_fit and self.recipe.start_from:
            raise ValueError(
                "`recipe.start_from` is stated next to `evaluation.cross_fit`; every row is held "
                "out once, those that the adapter has seen, too; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _turns_are_asked_and_answered(self) -> Self:
        asked = f"{self.prompt.system or ''}{self.prompt.prompt}"
        fits = "{user}" in self.prompt.prompt and "{assistant}" not in asked
        answers = "{assistant}" in self.prompt.completion and "{user}" not in self.prompt.completion
        if self.data.conversations is None or (fits and answers):
            return self
        raise ValueError(
            "`prompt` does not ask with `{user}` and answer with `{assistant}` alone, next to "
            "`data.conversations`; an answer would be learned from another prompt than the turns "
            "before it; state `prompt: '{user}'` and `completion: '{assistant}'`"
        )

    @model_validator(mode="after")
    def _questions_fit_the_system_message(self) -> Self:
        columns = list_placeholders(self.prompt.system or "")
        if self.evaluation.questions and columns:
            raise ValueError(
                f"`prompt.system` holds `{{{min(columns)}}}`, and `evaluation.questions` have no "
                "columns; a question could not be asked with the system message of the training; "
                "leave the placeholder or the questions out"
            )
        return self

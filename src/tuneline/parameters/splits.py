"""How clean rows are divided, and what counts as a leak between the splits."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.base import Block, Seed

# Numbers are ids too: YAML reads `6` as one.
Identifier = Annotated[str, Field(coerce_numbers_to_str=True)]


class Pinned(Block):
    """Rows whose split is named."""

    test: list[Identifier] = Field(default=[], description="ids of the rows held out")
    validation: list[Identifier] = Field(default=[], description="ids of those that watch")


class Split(Block):
    """How clean rows are sampled and divided.

    The test split is drawn first, so that it stays the same, or a part of the same, when the sample
    grows or shrinks.
    """

    sample: int | None = Field(
        default=None, gt=0, description="rows to use at most; null for all of them"
    )
    test: float | None = Field(
        default=None, description="rows held out for the evaluation: a number, or a share below 1"
    )
    validation: float | None = Field(
        default=None, description="rows that watch the training: a number, or a share below 1"
    )
    pinned: Pinned = Field(
        default=Pinned(), description="ids of the rows of a split, instead of its size"
    )
    group: str | None = Field(
        default=None, description="column whose equal values stay in one split; null for the id"
    )
    seed: Seed = Field(default=3407, description="decides which rows are drawn")

    @field_validator("test", "validation")
    @classmethod
    def _sizes_are_possible(cls, size: float | None) -> float | None:
        if size is not None and not (0 < size < 1 or (size >= 1 and size == int(size))):
            raise ValueError("A size is a whole number of rows, or a share between 0 and 1")
        return size if size is None or size < 1 else int(size)

    @model_validator(mode="after")
    def _every_split_has_one_size(self) -> Self:
        for split, size, ids in (
            ("test", self.test, self.pinned.test),
            ("validation", self.validation, self.pinned.validation),
        ):
            if (size is None) == (not ids):
                stated = "both" if size is not None else "neither"
                raise ValueError(
                    f"{stated} of `{split}` and `pinned.{split}` is stated; the split is either "
                    "of a size or of named rows; state one of them"
                )
        return self

    @model_validator(mode="after")
    def _rows_are_left_to_train_on(self) -> Self:
        shares = [size for size in (self.test, self.validation) if size is not None and size < 1]
        if sum(shares) >= 1:
            raise ValueError(
                f"the shares of `test` and `validation` add up to {sum(shares):g}; no row would be "
                "left to train on; lower one of them"
            )
        return self

    @model_validator(mode="after")
    def _pinned_rows_are_in_one_split(self) -> Self:
        twice = sorted(set(self.pinned.test) & set(self.pinned.validation))
        if twice:
            raise ValueError(
                f"`pinned` names the id `{twice[0]}` for test and for validation; a row is in "
                "one split only; take it out of one of them"
            )
        return self


class Leaks(Block):
    """When two rows in different splits are duplicates, and what becomes of them.

    Similarity is the share of words that two texts have in common, in the same order. Below 0.7
    duplicates could no longer be found without comparing every row with every other.
    """

    policy: Literal["drop", "move"] = Field(
        default="drop",
        description="drop: the training row goes; move: the held-out row goes into training",
    )
    threshold: float = Field(
        default=0.8,
        ge=0.7,
        le=1,
        description="similarity from which two rows are duplicates: of their prompts, of their "
        "completions, and of both together",
    )
    completion_threshold: float | None = Field(
        default=0.9,
        ge=0.7,
        le=1,
        description="the same for one text alone: two completions, or a prompt and a fixed "
        "question; null: completions alone are no duplicates, and questions only if they are equal",
    )
    drop_copies: bool = Field(
        default=False,
        description="drop training rows that say the same as an earlier one, by `threshold`",
    )
    min_words: int = Field(
        default=12,
        ge=1,
        description="shorter texts are duplicates only if prompt and completion are both equal, or "
        "prompt and question",
    )

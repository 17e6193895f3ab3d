"""How clean rows are sampled and divided."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.block import Block

# Rows by count, or a share of the rows that are used.
Size = int | float
HeldOut = Literal["test", "validation"]


class Split(Block):
    """How clean rows are sampled and divided.

    The test side is drawn first, so that it stays the same, or a part of the same, when the sample
    grows or shrinks.
    """

    sample: int | None = Field(
        default=None, gt=0, description="rows to use at most; null for all of them"
    )
    test: Size | None = Field(
        default=None, description="rows held out for the evaluation: a number, or a share below 1"
    )
    validation: Size | None = Field(
        default=None, description="rows that watch the training: a number, or a share below 1"
    )
    fixed: dict[HeldOut, list[str]] = Field(
        default={}, description="ids of the rows of a side, instead of its size"
    )
    group: str | None = Field(
        default=None, description="column whose equal values stay on one side; null for the id"
    )
    seed: int = 3407

    @field_validator("test", "validation")
    @classmethod
    def _sizes_are_possible(cls, size: Size | None) -> Size | None:
        if size is not None and not (0 < size < 1 or (size >= 1 and size == int(size))):
            raise ValueError("A size is a whole number of rows, or a share between 0 and 1")
        return size if size is None or size < 1 else int(size)

    @field_validator("fixed", mode="before")
    @classmethod
    def _ids_are_texts(cls, fixed: dict[str, list[object]]) -> dict[str, list[str]]:
        return {side: [str(one) for one in ids] for side, ids in dict(fixed).items()}

    @model_validator(mode="after")
    def _every_side_has_one_size(self) -> Self:
        for side, size in (("test", self.test), ("validation", self.validation)):
            if (size is None) == (side not in self.fixed):
                stated = "both" if size is not None else "neither"
                raise ValueError(
                    f"{stated} of `{side}` and `fixed.{side}` is stated; the side is either of a "
                    "size or of named rows; state one of them"
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
    def _fixed_rows_stand_on_one_side(self) -> Self:
        twice = sorted(set(self.fixed.get("test", [])) & set(self.fixed.get("validation", [])))
        if twice:
            raise ValueError(
                f"`fixed` names the id `{twice[0]}` for test and for validation; a row stands on "
                "one side only; take it out of one of them"
            )
        if [] in self.fixed.values():
            raise ValueError(
                "a side of `fixed` names no id; a side without rows shows nothing; name its rows, "
                "or state its size instead"
            )
        return self

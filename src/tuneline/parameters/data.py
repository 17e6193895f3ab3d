"""How raw rows are read, cleaned and divided."""

from typing import Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from tuneline.parameters.block import Block


class Rules(Block):
    """Cleaning rules, in the order in which they work.

    See `pipelines/prepare/text_rules.py` and `drop_rules.py`.
    """

    decode_entities: bool = True
    strip_tags: bool = True
    normalise_unicode: bool = True
    normalise_spaces: bool = True
    boilerplate: list[str] = Field(
        default=[], description="regular expressions of sentences that say nothing; removed"
    )
    drop_only_boilerplate: bool = Field(
        default=True, description="drop rows with a column that held nothing but boilerplate"
    )
    drop_empty: bool = Field(default=True, description="drop rows with an empty column")
    drop_equal: bool = Field(default=True, description="drop rows whose columns all say the same")
    min_words: dict[str, PositiveInt] = Field(default={}, description="least words, by column")
    max_characters: dict[str, PositiveInt] = Field(
        default={}, description="most characters, by column"
    )
    drop_not_text: bool = Field(
        default=True, description="drop rows with a column of neither letters nor numbers"
    )
    unique: str | None = Field(
        default=None, description="column whose repetitions, in any letter case, are dropped"
    )

    @field_validator("boilerplate")
    @classmethod
    def _patterns_compile(cls, patterns: list[str]) -> list[str]:
        import polars as pl

        for pattern in patterns:
            try:
                pl.Series([""]).str.contains(pattern)
            except pl.exceptions.ComputeError as error:
                raise ValueError(
                    f"`{pattern}` is no regular expression ({' '.join(str(error).split())}); "
                    "it could not be looked for; mend it (Rust's syntax, no look-around)"
                ) from None
            if "" in pl.Series(["A b."]).str.extract_all(pattern)[0]:
                raise ValueError(
                    f"`{pattern}` also matches nothing at all; every text would grow by spaces; "
                    "make it match one character at least"
                )
        return patterns


class Split(Block):
    """How clean rows are sampled and divided.

    The test side is drawn first, so that it stays the same, or a part of the same, when the sample
    grows or shrinks.
    """

    sample: int | None = Field(
        default=None, gt=0, description="rows to use at most; null for all of them"
    )
    test: int = Field(gt=0, description="rows held out for the evaluation")
    validation: int = Field(gt=0, description="rows that watch the training")
    group: str = Field(description="column whose equal values stay on one side")
    seed: int = 3407


class Data(Block):
    """What is read from the raw rows, how it is cleaned and how it is divided."""

    id: str = Field(description="column that identifies a row")
    columns: list[str] = Field(min_length=1, description="text columns to read and clean")
    rules: Rules = Rules()
    split: Split

    @field_validator("columns")
    @classmethod
    def _columns_are_free(cls, columns: list[str]) -> list[str]:
        taken = {"line", "original", "problem", "reason"} & set(columns)
        if taken:
            raise ValueError(
                f"the name `{min(taken)}` is taken; Tuneline writes a column of that name itself; "
                "rename the field in the raw data"
            )
        return columns

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if self.id in self.columns:
            raise ValueError(
                f"`{self.id}` is both `id` and one of `columns`; the id would be cleaned as text; "
                "leave it out of `columns`"
            )
        named = {*self.rules.min_words, *self.rules.max_characters, self.split.group}
        named |= {self.rules.unique} - {None}  # type: ignore[arg-type]
        unknown = sorted(named - set(self.columns))
        if unknown:
            raise ValueError(
                f"`{unknown[0]}` is none of the columns {self.columns}; a rule or a split that "
                "looks at a column that is not read would do nothing; name one of `columns`"
            )
        return self

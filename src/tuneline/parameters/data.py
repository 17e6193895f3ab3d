"""How raw rows are read, cleaned, divided and kept apart."""

from typing import Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from tuneline.errors import suggest
from tuneline.parameters.block import Block
from tuneline.parameters.leaks import Leaks
from tuneline.parameters.split import Split

# Columns that Tuneline writes itself.
WRITTEN = {"line", "original", "problem", "reason", "only_boilerplate"}


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


class Data(Block):
    """What is read from the raw rows, how it is cleaned, divided and kept apart."""

    id: str = Field(description="column that identifies a row")
    columns: list[str] = Field(min_length=1, description="text columns to read and clean")
    category: str | None = Field(
        default=None, description="column with a row's category; then every side holds them all"
    )
    key_terms: str | None = Field(
        default=None,
        description="column with the terms that a good answer must hold: a list, or `a; b`",
    )
    rules: Rules = Rules()
    split: Split
    leaks: Leaks = Leaks()

    @property
    def carried(self) -> list[str]:
        """Columns that travel with a row as they are: they may be empty and are never cleaned."""
        named = [self.category, self.key_terms]
        return [column for column in named if column and column not in self.columns]

    @field_validator("columns", "category", "key_terms")
    @classmethod
    def _names_are_free(cls, named: list[str] | str | None) -> list[str] | str | None:
        taken = WRITTEN & ({named} if isinstance(named, str) else set(named or []))
        if taken:
            raise ValueError(
                f"the name `{min(taken)}` is taken; Tuneline writes a column of that name itself; "
                "rename the field in the raw data"
            )
        return named

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if self.id in self.columns:
            raise ValueError(
                f"`{self.id}` is both `id` and one of `columns`; the id would be cleaned as text; "
                "leave it out of `columns`"
            )
        named = {*self.rules.min_words, *self.rules.max_characters, self.rules.unique}
        unknown = sorted(named - {None, *self.columns})  # type: ignore[type-var]
        if self.split.group not in {None, self.id, *self.columns, *self.carried}:
            unknown.append(self.split.group)
        if unknown:
            raise ValueError(
                f"`{unknown[0]}` is none of the columns {self.columns}; a rule or a split that "
                "looks at a column that is not read would do nothing; "
                f"{suggest(str(unknown[0]), self.columns)}"
            )
        return self

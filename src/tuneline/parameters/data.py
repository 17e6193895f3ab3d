"""How raw rows are read, cleaned, divided and kept apart."""

import re
from typing import Any, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from tuneline.errors import suggest
from tuneline.parameters.base import Block
from tuneline.parameters.splitting import Leaks, Split
from tuneline.parameters.table import Table


class Part(Block):
    """A part of a document, from its heading to the next part's.

    A heading is a line of its own. Letter case, numbering, punctuation and accents do not count,
    so that one spelling stands for all of them.
    """

    headings: list[str] = Field(min_length=1, description="headings that begin the part")
    sections: list[str] = Field(
        default=[],
        description="headings that the part must hold, in this order; each is written as "
        "here, after a `#`",
    )


class Documents(Block):
    """The parts of a document that examples are made of; each becomes a column."""

    column: str = Field(description="the column with the document's text")
    parts: dict[str, Part] = Field(min_length=1, description="by the column they become")

    @property
    def columns(self) -> list[str]:
        """Columns of the rows that are made of documents."""
        return list(self.parts)


# Columns that Tuneline writes itself.
WRITTEN = {
    "line",
    "original",
    "problem",
    "reason",
    "only_boilerplate",
    "split",
    "position",
    "_group",
}
# What the reader of JSON takes in no field's name.
UNREADABLE = re.compile(r'["\\\x00-\x1f]')


class Rules(Block):
    """Cleaning rules, in the order in which they work.

    See `pipelines/prepare/text_rules.py` and `cleaning.py`.
    """

    strip_tags: bool = Field(
        default=True, description="remove HTML tags, comments, scripts and style sheets"
    )
    decode_entities: bool = Field(
        default=True, description="turn HTML references such as `&amp;` into characters"
    )
    escaped_twice: bool = Field(
        default=False,
        description="repeat both until nothing changes, for files whose HTML was escaped "
        "(`&lt;br&gt;`); else an escaped tag is text",
    )
    normalize_unicode: bool = Field(
        default=True, description="compose accents, make spaces of control characters"
    )
    normalize_spaces: bool = Field(default=True, description="one space for any white space")
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
    unique: list[str] = Field(
        default=[],
        description="columns whose repetitions, in any letter case, are dropped",
    )

    @field_validator("unique", mode="before")
    @classmethod
    def _one_column_is_a_list(cls, columns: Any) -> Any:
        if columns is None:
            return []
        return [columns] if isinstance(columns, str) else columns

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
                    "it could not be looked for; fix it (Rust's syntax, no look-around)"
                ) from None
            if "" in pl.Series(["A b."]).str.extract_all(pattern)[0]:
                raise ValueError(
                    f"`{pattern}` also matches nothing at all; every text would grow by spaces; "
                    "make it match one character at least"
                )
        return patterns


class Data(Block):
    """What is read from the raw rows, how it is cleaned, divided and kept apart."""

    id: str = Field(
        description="column that identifies a row; `line` for its number in the raw file"
    )
    columns: list[str] = Field(min_length=1, description="text columns to read and clean")
    category: str | None = Field(
        default=None, description="column with a row's category; then every split holds them all"
    )
    slices: list[str] = Field(
        default=[],
        description="further columns whose values the report tells apart; they divide nothing",
    )
    key_terms: str | None = Field(
        default=None,
        description="column with the terms that a good answer must hold: a list, or `a; b`",
    )
    rules: Rules = Field(default=Rules(), description="the cleaning rules")
    table: Table | None = Field(
        default=None, description="makes questions and answers of the rows; null: a row is a pair"
    )
    documents: Documents | None = Field(
        default=None, description="finds the parts of each document; null: a row is a pair"
    )
    split: Split = Field(description="how the clean rows are sampled and divided")
    leaks: Leaks = Field(default=Leaks(), description="what counts as a leak between the splits")

    @property
    def pair_columns(self) -> list[str]:
        """Columns that the prompt templates may use: of the rows, or of what is made of them."""
        made = self.table or self.documents
        return made.columns if made else self.columns

    @property
    def filled_columns(self) -> list[str]:
        """Columns that must hold something: an empty cell of a table says that there is no data."""
        return [self.table.subject] if self.table else self.columns

    @property
    def carried(self) -> list[str]:
        """Columns that travel with a row as they are: they may be empty and are never cleaned."""
        named = dict.fromkeys([self.category, *self.slices, self.key_terms])
        known = {*self.columns, *self.pair_columns}
        return [column for column in named if column and column not in known]

    @field_validator("columns", "category", "slices", "key_terms")
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
    def _names_can_be_read(self) -> Self:
        odd = [name for name in (self.id, *self.columns, *self.carried) if UNREADABLE.search(name)]
        if odd:
            raise ValueError(
                f"the name `{odd[0]}` holds a quotation mark, a backslash or a line end; no field "
                "can be read by it; rename the field in the raw data (a line end in the header of "
                "a table is a space here)"
            )
        return self

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        if self.id in self.columns:
            raise ValueError(
                f"`{self.id}` is both `id` and one of `columns`; the id would be cleaned as text; "
                "leave it out of `columns`"
            )
        named = {*self.rules.min_words, *self.rules.max_characters, *self.rules.unique}
        unknown = sorted(named - set(self.columns))
        looked_at = self.table.sources if self.table else []
        looked_at += [self.documents.column] if self.documents else []
        unknown += [column for column in looked_at if column not in self.columns]
        if self.split.group not in {None, self.id, *self.pair_columns, *self.carried}:
            unknown.append(str(self.split.group))
        if unknown:
            raise ValueError(
                f"`{unknown[0]}` is none of the columns {self.columns}; a rule or a split that "
                "looks at a column that is not read would do nothing; "
                f"{suggest(str(unknown[0]), self.columns)}"
            )
        return self

    @model_validator(mode="after")
    def _pairs_are_made_in_one_way(self) -> Self:
        if self.table and self.documents:
            raise ValueError(
                "both `table` and `documents` are stated; rows are made into pairs in one way "
                "only; leave one of them out"
            )
        if (self.table or self.documents) and self.carried:
            raise ValueError(
                f"`{self.carried[0]}` is none of the columns {self.pair_columns}; it is not "
                "carried over into what is made of the rows; leave it out, or name one of these"
            )
        return self

    @model_validator(mode="after")
    def _facts_stay_apart(self) -> Self:
        named = self.split.group or self.split.pinned.test or self.split.pinned.validation
        if self.table and named:
            raise ValueError(
                "`split` states `group` or `pinned` next to `table`; the questions of a table are "
                "divided by the facts they are about; leave it out"
            )
        if self.table and self.leaks.policy == "move":
            raise ValueError(
                "`leaks.policy` is `move` next to `table`; a held-out fact would be taught; set it "
                "to `drop`"
            )
        return self

"""What is read from the raw rows, how they are divided and kept apart."""

import re
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from tuneline.errors import suggest
from tuneline.parameters.base import Block
from tuneline.parameters.cleaning import Rules
from tuneline.parameters.evaluation import RuleColumns
from tuneline.parameters.examples import TURN_COLUMNS, Conversations, Documents
from tuneline.parameters.splits import Leaks, Split
from tuneline.parameters.table import Table

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
    origin: str | None = Field(
        default=None,
        description="column with where a row comes from, a text or an object; it goes with the "
        "examples (`meta.origin`)",
    )
    answer_rules: RuleColumns = Field(
        default=RuleColumns(), description="columns with rules that the row's answer must keep"
    )
    rules: Rules = Field(default=Rules(), description="the cleaning rules")
    table: Table | None = Field(
        default=None, description="makes questions and answers of the rows; null: a row is a pair"
    )
    documents: Documents | None = Field(
        default=None, description="finds the parts of each document; null: a row is a pair"
    )
    conversations: Conversations | None = Field(
        default=None, description="makes an example of each turn; null: a row is a pair"
    )
    replay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="answers of the base model's own to general prompts that are trained on, too, "
        "so that it forgets less: 0.1 is one for ten training examples; the plan makes them",
    )
    feedback: bool = Field(
        default=False,
        description="learn the better answers that people gave in the chat and on the rating page",
    )
    split: Split = Field(description="how the clean rows are sampled and divided")
    leaks: Leaks = Field(default=Leaks(), description="what counts as a leak between the splits")

    @property
    def pair_columns(self) -> list[str]:
        """Columns that the prompt templates may use: of the rows, or of what is made of them."""
        made = self.table or self.documents
        if self.conversations:
            others = [name for name in self.columns if name != self.conversations.column]
            return [*others, *TURN_COLUMNS]
        return made.columns if made else self.columns

    @property
    def row_columns(self) -> list[str]:
        """Columns of text that a row has until examples are made of it."""
        return self.columns if self.conversations else self.pair_columns

    @property
    def filled_columns(self) -> list[str]:
        """Columns that must hold something: an empty cell of a table says that there is no data."""
        return [self.table.subject] if self.table else self.columns

    @property
    def described(self) -> list[str]:
        """Columns that say something about a row and are in no template."""
        named = [self.category, *self.slices, self.key_terms, self.origin]
        named += self.answer_rules.list_columns()
        return [column for column in named if column]

    @property
    def carried(self) -> list[str]:
        """Columns that travel with a row as they are: they may be empty and are never cleaned."""
        named = dict.fromkeys(self.described)
        known = {*self.columns, *self.pair_columns}
        return [column for column in named if column not in known]

    @field_validator("columns", "category", "slices", "key_terms", "origin", "answer_rules")
    @classmethod
    def _names_are_free(cls, named: Any) -> Any:
        columns = named.list_columns() if isinstance(named, RuleColumns) else named
        taken = WRITTEN & ({columns} if isinstance(columns, str) else set(columns or []))
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
        looked_at += [one.column for one in (self.documents, self.conversations) if one]
        unknown += [column for column in looked_at if column not in self.columns]
        if self.split.group not in {None, self.id, *self.row_columns, *self.carried}:
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
        ways = ("table", "documents", "conversations")
        stated = [f"`{name}`" for name in ways if getattr(self, name)]
        if len(stated) > 1:
            raise ValueError(
                f"both {' and '.join(stated)} are stated; examples are made of rows in one way "
                "only; leave one of them out"
            )
        if (self.table or self.documents) and self.carried:
            raise ValueError(
                f"`{self.carried[0]}` is none of the columns {self.pair_columns}; it is not "
                "carried over into what is made of the rows; leave it out, or name one of these"
            )
        return self

    @model_validator(mode="after")
    def _conversations_are_no_texts(self) -> Self:
        if self.conversations is None:
            return self
        column = self.conversations.column
        if column in {*self.rules.min_words, *self.rules.max_characters}:
            raise ValueError(
                f"`rules` bounds the length of `{column}`, which holds conversations; it has many "
                "texts; leave it out, or state `conversations.max_turns`"
            )
        taken = sorted(set(TURN_COLUMNS) & {*self.columns, *self.described})
        if taken:
            raise ValueError(
                f"`{taken[0]}` is both a column and a part of the conversations; a template could "
                "mean either; rename the field in the raw data"
            )
        if self.conversations.turns == "all" and (
            self.key_terms or self.answer_rules.list_columns()
        ):
            raise ValueError(
                "`key_terms` or `answer_rules` is stated next to `conversations`; which of the "
                "answers they are about cannot be told; leave them out, or set "
                "`conversations.turns: last`"
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

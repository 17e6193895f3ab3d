"""How questions and answers are made of a table."""

from collections.abc import Iterable
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from tuneline.errors import suggest
from tuneline.parameters.base import Block

About = Literal["row", "category", "item", "absent", "reverse"]
# What the templates of a kind may hold, by what its questions are about.
PLACEHOLDERS: dict[About, set[str]] = {
    "row": {"subject", "items", "lists"},
    "category": {"subject", "items", "category"},
    "item": {"subject", "item", "category"},
    "absent": {"subject", "item"},
    "reverse": {"subjects", "item"},
}


class Kind(Block):
    """One kind of question, with its phrasings and its answer.

    A kind may be in the list several times, with other phrasings for other categories.
    """

    name: str = Field(description="as the report counts it; the column `kind`")
    about: About = Field(
        description="one question for each row, each category of a row, each item of a row, some "
        "items that a row lacks, or (reverse) each item, answered by all the rows that have it"
    )
    of: list[str] = Field(min_length=1, description="names of the columns it looks at")
    only: list[str] = Field(default=[], description="categories to look at; none for all")
    without: list[str] = Field(default=[], description="categories to leave out")
    questions: list[str] = Field(min_length=1, description="phrasings")
    phrasings: PositiveInt | None = Field(
        default=None, description="how many of them are used in turn for one thing; null: all"
    )
    answer: str = Field(description="its answer")
    partial: str | None = Field(
        default=None,
        description="answer where held-out facts are left out of the list; null: no such question",
    )
    no_data: str | None = Field(
        default=None, description="answer where the table has no data; null: no such question"
    )
    per_row: PositiveInt = Field(default=3, description="absent items asked for in each row")

    @model_validator(mode="after")
    def _placeholders_can_be_filled(self) -> Self:
        known = PLACEHOLDERS[self.about]
        unknown = sorted(_placeholders([*self.questions, self.answer, self.partial or ""]) - known)
        # Where there is no data, there are no items to name.
        unknown += sorted(
            _placeholders([self.no_data or ""]) - (known - {"item", "items", "lists"})
        )
        if unknown:
            raise ValueError(
                f"the kind `{self.name}` has the placeholder `{{{unknown[0]}}}`; nothing could "
                f"fill it in a question about `{self.about}`; {suggest(unknown[0], known)}"
            )
        return self


class Similarity(Block):
    """When two items say the same in other words: `neklidný spánek`, `při neklidném spánku`.

    Word by word: each of one item's words must have a form of it in the other, in any order. Words
    with a digit, and signs such as `+` and `<`, must be equal. What is too like to be denied, and
    too unlike to be one, is neither: such an item is not asked for where the like of it is stated.
    """

    word: float = Field(
        gt=0.5,
        le=1,
        description="two words are forms of one if they begin alike for this share of the longer "
        "(`spánek`, `spánku`: 0.67), three letters at least; 1: only equal words",
    )
    stop_words: list[str] = Field(
        default=[], description="words that make no other item of it: `na`, `pomáhá`"
    )


class HeldOutFacts(Block):
    """How much of the table is asked for in the evaluation only.

    Whole rows and whole items are held out: everything about some subjects, and some items
    wherever they are.
    """

    test: float = Field(gt=0, lt=0.5, description="share of the rows, and of the items")
    validation: float = Field(gt=0, lt=0.5, description="share of the rows, and of the items")


class Table(Block):
    """Which facts are in a table, and which questions are asked about them."""

    subject: str = Field(description="column that names what a row is about")
    values: dict[str, str] = Field(default={}, description="columns that hold one value, by name")
    lists: dict[str, str] = Field(
        default={}, description="columns that hold `CATEGORY: a, b`, one category a line, by name"
    )
    item_separators: list[Annotated[str, Field(min_length=1)]] = Field(
        default=["\n", ";", ".", ","],
        min_length=1,
        description="what divides the items of a list: the first of these that it holds, so that "
        "commas stay where lines or semicolons divide. `.` is the end of a sentence. Nothing "
        "divides inside brackets and quotation marks, nor a comma between digits",
    )
    clause_words: list[str] = Field(
        default=[], description="words before which a comma divides no items: `který`, `when`"
    )
    and_so_on: list[str] = Field(
        default=[], description="what a list may end with that is no item: `apod.`, `etc.`"
    )
    similarity: Similarity | None = Field(
        default=None,
        description="when two items are one; null: if they are equal in any letter case",
    )
    no_data: list[str] = Field(
        default=[], description="how the table says that it has no data; an empty cell does, too"
    )
    separator: str = Field(default=", ", description="between the items of an answer")
    last_separator: str | None = Field(
        default=None, description="before the last item of an answer; null: as before the others"
    )
    held_out: HeldOutFacts = Field(description="what is asked for in the evaluation only")
    kinds: list[Kind] = Field(min_length=1, description="the kinds of question")

    @property
    def columns(self) -> list[str]:
        """Columns of the rows that are made of a table."""
        return ["question", "answer", "kind"]

    @property
    def sources(self) -> list[str]:
        """Columns of the table that are looked at."""
        return [self.subject, *self.values.values(), *self.lists.values()]

    @model_validator(mode="after")
    def _kinds_look_at_columns(self) -> Self:
        known = {*self.values, *self.lists}
        for kind in self.kinds:
            unknown = sorted(set(kind.of) - known)
            if unknown:
                raise ValueError(
                    f"the kind `{kind.name}` looks at `{unknown[0]}`; `values` and `lists` name no "
                    f"such column; {suggest(unknown[0], known)}"
                )
        return self


def _placeholders(templates: Iterable[str]) -> set[str]:
    parsed = (part for text in templates for part in Formatter().parse(text))
    return {name for _, name, _, _ in parsed if name is not None}

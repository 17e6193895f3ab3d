"""What examples are made of: documents, conversations, and the templates over a row's columns."""

from string import Formatter
from typing import Literal

from pydantic import Field, PositiveInt

from tuneline.parameters.base import Block

# Columns of a document's sections.
SECTION_COLUMNS = ("document", "heading", "section")
# Columns that are made of a conversation: see `Conversations`.
TURN_COLUMNS = ("system", "user", "assistant")


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
    """What examples are made of in a document: its parts, or each heading with the text below it.

    Without parts, every section is a row with the columns `document`, `heading` and `section`.
    """

    column: str = Field(description="the column with the document's text")
    parts: dict[str, Part] = Field(
        default={}, description="by the column they become; none: every section is a row"
    )

    @property
    def columns(self) -> list[str]:
        """Columns of the rows that are made of documents."""
        return list(self.parts) or list(SECTION_COLUMNS)


class Conversations(Block):
    """Conversations of several turns, one a row; a turn is an answer with the question before it.

    `user` in the templates is the first question, `assistant` an answer, `system` the system
    message, empty where there is none. Later questions are as they are, as in the chat.
    """

    column: str = Field(description="the column with the messages: a list, or the same as JSON")
    turns: Literal["all", "last"] = Field(
        default="all",
        description="all: every answer is learned, given the true turns before it; last: the last",
    )
    max_turns: PositiveInt = Field(default=50, description="turns of a conversation at most")
    overlong: Literal["drop", "cut"] = Field(
        default="drop",
        description="of more turns; drop: rejected; cut: the first `max_turns` are used, and the "
        "others counted",
    )


class Prompt(Block):
    """Templates over the columns of a row; `{title}` stands for the row's title."""

    system: str | None = Field(
        default=None, description="a system message before the prompt; null for none"
    )
    prompt: str = Field(description="what the model is asked")
    completion: str = Field(description="what it should answer")

    def placeholders(self) -> set[str]:
        """Name the columns that the templates use."""
        return {*list_placeholders(self.system or ""), *self.text_columns()}

    def text_columns(self) -> list[str]:
        """List the columns of prompt and completion in their order, each once."""
        return list(
            dict.fromkeys(list_placeholders(self.prompt) + list_placeholders(self.completion))
        )


def list_placeholders(template: str) -> list[str]:
    """List the columns that a template names, in their order, each once.

    Raises:
        ValueError: if it is no template.
    """
    names = (name for _, name, _, _ in Formatter().parse(template) if name is not None)
    return list(dict.fromkeys(names))

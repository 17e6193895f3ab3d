"""How examples are found in whole documents."""

from pydantic import Field

from tuneline.parameters.block import Block


class Part(Block):
    """A part of a document, from its heading to the next part's.

    A heading is a line of its own. Letter case, numbering, punctuation and accents do not count,
    so that one spelling stands for all of them.
    """

    headings: list[str] = Field(min_length=1, description="headings that begin the part")
    sections: list[str] = Field(
        default=[],
        description="headings that the part must hold, in this order; each is written as it "
        "stands here, after a `#`",
    )


class Documents(Block):
    """The parts of a document that examples are made of; each becomes a column."""

    column: str = Field(description="the column with the document's text")
    parts: dict[str, Part] = Field(min_length=1, description="by the column they become")

    @property
    def columns(self) -> list[str]:
        """Columns of the rows that are made of documents."""
        return list(self.parts)

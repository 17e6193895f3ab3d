"""What counts as a leak between the sides, and what becomes of it."""

from typing import Literal

from pydantic import Field

from tuneline.parameters.block import Block


class Leaks(Block):
    """When two rows on different sides are twins, and what becomes of them.

    Likeness is the share of words that two texts have in common, in the same order. Below 0.7
    twins could no longer be found without comparing every row with every other.
    """

    policy: Literal["drop", "move"] = Field(
        default="drop",
        description="drop: the training row goes; move: the held-out row goes into training",
    )
    threshold: float = Field(
        default=0.8,
        ge=0.7,
        le=1,
        description="likeness from which two rows are twins: of their prompts, of their "
        "completions, and of both together",
    )
    alone_threshold: float | None = Field(
        default=0.9,
        ge=0.7,
        le=1,
        description="the same for one text alone: two completions, or a prompt and a fixed "
        "question; null: completions alone are no twins, and questions only if they are equal",
    )
    min_words: int = Field(
        default=12,
        ge=1,
        description="shorter texts are twins only if prompt and completion are both equal, or "
        "prompt and question",
    )

"""Who looks for what must not be trained on."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tuneline.parameters.block import Block
from tuneline.parameters.server import Address


class Moderation(Block):
    """How each conversation is cleared before it may be trained on."""

    by: Literal["list", "server", "none"] = Field(
        description="words and patterns below, a moderation endpoint, or nobody"
    )
    categories: dict[str, list[str]] = Field(
        default={}, description="regular expressions by category, for `by: list`; any letter case"
    )
    server: Address | None = Field(
        default=None, description="OpenAI's moderation endpoint, or one like it"
    )

    @field_validator("categories")
    @classmethod
    def _patterns_compile(cls, categories: dict[str, list[str]]) -> dict[str, list[str]]:
        import re

        for pattern in (one for patterns in categories.values() for one in patterns):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"`{pattern}` is no regular expression ({error}); it could not be looked for; "
                    "mend it"
                ) from None
        return categories

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.by == "list" and not self.categories:
            raise ValueError(
                "`by: list` has no `categories`; everything would be cleared unseen; list "
                "patterns, or say `by: none`"
            )
        if self.by == "server" and not self.server:
            raise ValueError(
                "`by: server` has no `server`; nothing could be asked; state its base_url and model"
            )
        return self

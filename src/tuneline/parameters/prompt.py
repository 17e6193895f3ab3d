"""The prompt templates."""

from string import Formatter

from pydantic import Field

from tuneline.parameters.block import Block


class Prompt(Block):
    """Templates over the columns of a row; `{title}` stands for the row's title."""

    system: str | None = Field(
        default=None, description="a system message before the prompt; null for none"
    )
    prompt: str = Field(description="what the model is asked")
    completion: str = Field(description="what it should answer")

    def placeholders(self) -> set[str]:
        """Name the columns that the templates use."""
        texts = [self.system or "", self.prompt, self.completion]
        return {
            name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None
        }

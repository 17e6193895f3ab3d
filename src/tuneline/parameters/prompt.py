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
        return {*_list_placeholders(self.system or ""), *self.text_columns()}

    def text_columns(self) -> list[str]:
        """List the columns of prompt and completion in their order, each once."""
        names = [*_list_placeholders(self.prompt), *_list_placeholders(self.completion)]
        return list(dict.fromkeys(names))


def _list_placeholders(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]

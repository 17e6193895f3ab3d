"""How base and tuned model are compared."""

from typing import Any

from pydantic import Field, field_validator

from tuneline.parameters.block import Block
from tuneline.parameters.rubric import Rubric


class Evaluation(Block):
    """How base and tuned model answer the held-out prompts, and what is measured."""

    title: str = Field(description="heading of the report")
    questions: list[str] = Field(
        default=[],
        description="fixed questions of the field, asked before and after; each fills the "
        "prompt's column, where it has one only; in no split",
    )
    generation: dict[str, Any] = Field(
        description="keys of GenerationConfig; the same for both models"
    )
    sections: list[str] = Field(
        default=[], description="headings that every answer must hold, in this order"
    )
    language: str | None = Field(
        default=None, description="ISO 639-1 code that answers should be in"
    )
    rubric: Rubric | None = Field(
        default=None, description="who rates, and for what; null for none"
    )
    confidence: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    resamples: int = Field(default=2000, ge=100, description="bootstrap resamples")
    seed: int = Field(
        default=3407,
        description="of resampling, of what is rated, and of decoding where it samples",
    )

    @field_validator("language")
    @classmethod
    def _language_is_known(cls, language: str | None) -> str | None:
        if language is None:
            return None
        from py3langid import langid

        known = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE).labels
        if language not in known:
            raise ValueError(
                f"py3langid does not know the language `{language}`; answers in it could not be "
                f"told from others; take one of {', '.join(sorted(known))}"
            )
        return language

"""How base and tuned model are compared."""

from typing import Any

from pydantic import Field

from tuneline.parameters.block import Block


class Evaluation(Block):
    """How base and tuned model answer the held-out prompts."""

    title: str = Field(description="heading of the report")
    questions: list[str] = Field(
        default=[], description="fixed questions of the field, asked before and after; in no split"
    )
    generation: dict[str, Any] = Field(description="GenerationConfig; the same for both models")
    confidence: float = Field(default=0.95, gt=0, lt=1, description="of the intervals")
    resamples: int = Field(default=2000, ge=100, description="bootstrap resamples")
    seed: int = 3407

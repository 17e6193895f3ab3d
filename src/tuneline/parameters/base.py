"""What all blocks of parameters have in common."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# What the plan chooses by its rules (`pipelines/plan/recipe_rules.py`).
Auto = Literal["auto"]
AUTO: Auto = "auto"
# What NumPy, and so `set_seed` of transformers, takes.
Seed = Annotated[int, Field(ge=0, lt=2**32)]
AtLeast0 = Annotated[float, Field(ge=0)] | None
Above0 = Annotated[float, Field(gt=0)] | None
ShareBelow1 = Annotated[float, Field(ge=0, lt=1)] | None
Whole = Annotated[int, Field(ge=0)] | None
WholeAbove0 = Annotated[int, Field(ge=1)] | None


class Block(BaseModel):
    """A block of parameters that knows all its keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def flatten(settings: Mapping[Any, Any], above: str = "") -> dict[str, Any]:
    """List the values of nested settings by their dotted keys; an empty block is a value."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat


class Bounds(BaseModel):
    """Some keys of one of the libraries; all others are the library's own to check."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class GenerationBounds(Bounds):
    """Keys of GenerationConfig."""

    max_new_tokens: WholeAbove0 = None
    min_new_tokens: Whole = None
    temperature: Above0 = None
    top_k: Whole = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    num_beams: WholeAbove0 = None
    repetition_penalty: Above0 = None
    no_repeat_ngram_size: Whole = None
    max_time: Above0 = None

"""What all blocks of parameters have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# What NumPy, and so `set_seed` of transformers, takes.
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Block(BaseModel):
    """A block of parameters that knows all its keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

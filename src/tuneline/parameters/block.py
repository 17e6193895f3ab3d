"""What all blocks of parameters have in common."""

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """A block of parameters that knows all its keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

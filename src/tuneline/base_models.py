"""A base model that Tuneline made itself, as a value."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BaseModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: the model, on the CPU.
        tokenizer: its tokenizer, with a chat template.
        provenance: what it was trained on, as hashes.
    """

    model: Any
    tokenizer: Any
    provenance: dict[str, Any]

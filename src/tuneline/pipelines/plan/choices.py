"""What the rules for `auto` go by, and what they choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tuneline.pipelines.plan.memory_estimate import ModelSize


@dataclass(frozen=True)
class Choice:
    """A value, why it is chosen, and who has published the rule.

    Attributes:
        key: as in YAML, such as `recipe.learning_rate`.
        value: as one would state it.
        reason: one sentence.
        source: of the rule.
    """

    key: str
    value: Any
    reason: str
    source: str


@dataclass(frozen=True)
class Situation:
    """What the rules go by.

    Attributes:
        tokens: of each training example, and the trained ones of it (`tokens`,
            `completion_tokens`).
        longest_watching: tokens of the longest validation example.
        model_type: the architecture, as its config names it.
        context: tokens that the base model reads at once; None for any number.
        size: of the base model with an adapter.
        rank: of that adapter.
        at_once: examples that a batch must be a multiple of.
        is_in_4_bits: whether the base model is stored in 4 bits.
        start: what the adapter that the training starts from prescribes, by recipe key.
    """

    tokens: pd.DataFrame
    longest_watching: int
    model_type: str
    context: int | None
    size: ModelSize
    rank: int
    at_once: int
    is_in_4_bits: bool = False
    start: Mapping[str, Any] = field(default_factory=dict)

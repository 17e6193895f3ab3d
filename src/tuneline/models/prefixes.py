"""What prompts have in common: their beginning, which a model needs to read only once.

A chat template's system message and a use case's instruction begin every prompt of it.
"""

import inspect
from collections.abc import Sequence
from typing import Any

# Shorter ones are not worth a pass of their own.
LEAST_TOKENS = 8


class Prefix:
    """Keys and values of the tokens that some sequences begin with.

    Args:
        model: in evaluation mode, as it will read the rest.
        sequences: token ids.
        most: tokens that it may have; the last token of a prompt is not part of it, since its
            scores are asked for.

    Attributes:
        tokens: how many they are; 0 where the model keeps more than keys and values of every
            token, and reads all sequences whole.
    """

    def __init__(self, model: Any, sequences: Sequence[list[int]], most: int) -> None:
        import torch

        ids = _find_common(sequences)[:most] if len(sequences) > 1 else []
        shared = len(ids) >= LEAST_TOKENS and _keeps_every_token(model)
        self.tokens = len(ids) if shared else 0
        self._layers: list[tuple[Any, Any]] = []
        if shared:
            cache = _make_cache()
            with torch.inference_mode():
                model(
                    input_ids=torch.tensor([ids], device=model.device),
                    past_key_values=cache,
                    use_cache=True,
                )
            self._layers = [(one.keys, one.values) for one in cache.layers]

    def begin(self, rows: int) -> Any:
        """Make what the model takes as `past_key_values` to read the rest of so many sequences."""
        cache = _make_cache()
        for number, (keys, values) in enumerate(self._layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
        return cache


def list_arguments(model: Any) -> set[str]:
    """List what a model's forward pass takes, under the adapter if it has one."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return set(inspect.signature(base.forward).parameters)


def _find_common(sequences: Sequence[list[int]]) -> list[int]:
    """Find the tokens that all begin with: the first and the last, once sorted, differ most."""
    first, last = min(sequences), max(sequences)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((n for n, (one, other) in pairs if one != other), len(first))]


def _make_cache() -> Any:
    from transformers import DynamicCache

    return DynamicCache()


def _keeps_every_token(model: Any) -> bool:
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    if not {"past_key_values", "position_ids", "logits_to_keep"} <= list_arguments(model):
        return False
    layers = DynamicCache(config=model.config.get_text_config(decoder=True)).layers
    return all(type(layer) is DynamicLayer for layer in layers)

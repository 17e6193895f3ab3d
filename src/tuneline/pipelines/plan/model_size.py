"""What a model weighs, from its config alone."""

from dataclasses import dataclass
from typing import Any

from tuneline.architecture import build_empty, list_linear, list_quantized, make_lora_config
from tuneline.parameters import Recipe


@dataclass(frozen=True)
class ModelSize:
    """Shape of a base model with its adapter. Counts of parameters; dimensions in elements.

    Attributes:
        quantized: parameters that are stored in 4 bits: the linear layers without the head.
        unquantized: the others: embeddings, norms, head.
        trainable: parameters of the adapter.
        layers: number of transformer layers.
        hidden: width of the residual stream.
        queries: width of all query heads.
        key_values: width of all key, or value, heads.
        feed_forward: inner width of the feed-forward network.
        vocabulary: number of tokens.
    """

    quantized: int
    unquantized: int
    trainable: int
    layers: int
    hidden: int
    queries: int
    key_values: int
    feed_forward: int
    vocabulary: int

    def parameters(self) -> dict[str, int | float]:
        """Count base and trainable parameters, both together, and the trainable share of these."""
        base = self.quantized + self.unquantized
        total = base + self.trainable
        return {
            "base": base,
            "trainable": self.trainable,
            "total": total,
            "trainable_share": round(self.trainable / total, 6),
        }


def measure_model(config: Any, recipe: Recipe, model: Any = None) -> ModelSize:
    """Build model and adapter without memory (on PyTorch's meta device) and count.

    Every architecture is measured on its layers: their names and their configs' keys differ.

    Args:
        config: the base model's config.
        recipe: its LoRA settings.
        model: the same model, if it has been built empty already; it gets the adapter.

    Returns:
        The sizes.
    """
    import torch
    from peft import get_peft_model

    model = build_empty(config) if model is None else model
    quantized = sum(module.weight.numel() for module in list_quantized(model, recipe).values())
    base = model.num_parameters()
    text = config.get_text_config()
    layers = _find_layers(model)
    shape = _measure_layer(layers, text)
    vocabulary = model.get_input_embeddings().weight.shape[0]
    lora = make_lora_config(recipe, model)
    lora.init_lora_weights = True  # how the weights start does not change how many there are
    with torch.device("meta"):
        model = get_peft_model(model, lora)
    return ModelSize(
        quantized=quantized,
        unquantized=base - quantized,
        trainable=model.get_nb_trainable_parameters()[0],
        layers=len(layers),
        hidden=text.hidden_size,
        vocabulary=vocabulary,
        **shape,
    )


def _find_layers(model: Any) -> Any:
    """Find the list of transformer layers of the part for text: the list that holds most of it."""
    from torch.nn import ModuleList

    lists = [module for module in model.get_decoder().modules() if isinstance(module, ModuleList)]
    return max(lists, key=lambda one: sum(p.numel() for p in one.parameters()))


def _measure_layer(layers: Any, text: Any) -> dict[str, int]:
    """Read widths off the layers that lead back into the residual stream.

    The attention's output takes the query heads in, the feed-forward network's its inner width.
    """
    hidden = text.hidden_size
    back = [
        inner
        for layer in layers
        for inner, outer in map(_shape, list_linear(layer).values())
        if outer == hidden
    ]
    heads = getattr(text, "num_attention_heads", None) or 1
    groups = getattr(text, "num_key_value_heads", None) or heads
    queries = min(back, default=hidden)
    inner = max(back, default=0)
    return {
        "queries": queries,
        "key_values": queries * groups // heads,
        # Experts are stored in one block and are no linear layers.
        "feed_forward": inner if inner > hidden else getattr(text, "intermediate_size", 4 * hidden),
    }


def _shape(module: Any) -> tuple[int, int]:
    """Give a linear layer's inputs and outputs; `Conv1D` stores them the other way round."""
    from torch.nn import Linear

    rows, columns = module.weight.shape
    return (columns, rows) if isinstance(module, Linear) else (rows, columns)

"""Memory of a LoRA run by component, predicted from the shape of the model.

The formula and its error (within 3 % on ten checkpointed T4 runs, before fragmentation) are given
in docs/plan.md.
"""

from dataclasses import dataclass
from typing import Any

from tuneline.models.architecture import (
    build_empty,
    list_linear,
    list_quantized,
    make_lora_config,
)
from tuneline.models.batching import count_tokens_at_once
from tuneline.models.fused_head import TILE_TOKENS, TILE_WORDS
from tuneline.models.memory import BYTES, CONTEXT_GB, keeps_dequantized
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.cpu_memory import count_activations, count_fragmentation
from tuneline.pipelines.plan.sharded_memory import count_gathered, count_kept

# 4 bits, and one float32 scale for 64 weights; with double quantization the scale takes 8 bits and
# one float32 for 256 of them (QLoRA, arXiv 2305.14314, section 3).
BYTES_PER_QUANTIZED, BYTES_PER_DOUBLY_QUANTIZED = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
# AdamW keeps two moments: float32, or 8 bits each.
OPTIMIZER_BYTES, OPTIMIZER_8BIT_BYTES = 8, 2
# sdpa's mask of a packed batch, for a pair of tokens: one byte, and its copy in the kernel's own
# format.
MASK_BYTES = 4
# A GPU's allocator holds more than is in use: so much more at least, and at most, was seen.
FRAGMENTATION = 1.06, 1.49


@dataclass(frozen=True)
class ModelSize:
    """Shape of a base model with its adapter. Counts of parameters; dimensions in elements.

    Attributes:
        quantized: parameters that 4 bits hold, unless the recipe leaves them as they are: the
            linear layers without the head.
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

    Every architecture is measured on its layers: their names and their configs' keys differ. A
    `model` that has been built empty already gets the adapter.
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


def predict_memory(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware
) -> dict[str, float]:
    """Predict the peak of a training step on the longest batch, on each device.

    Returns:
        GB (10^9 bytes) by component (`gathered`: of a divided model), their `total`, the total with
        the most fragmentation that was seen (`worst_case`), and what the `device` has.
    """
    tokens = count_tokens_at_once(longest, recipe, hardware)
    on_gpu = hardware.device == "cuda"
    # A step of several passes adds gradients up before they are divided.
    among = hardware.world_size if hardware.is_sharded else 1
    parts = {
        "weights": predict_weights(size, recipe, hardware),
        "gathered": count_gathered(size, recipe, hardware),
        "adapter": size.trainable * 4 / among,
        "gradients": size.trainable * 4,
        "optimizer": size.trainable * count_optimizer_bytes(recipe) / among,
        "activations": _activations(size, tokens, hardware)
        if on_gpu
        else count_activations(size, tokens, recipe, hardware),
    }
    memory = {name: value / 1e9 for name, value in parts.items()}
    used = sum(memory.values())
    least, most = (
        (used * (share - 1) for share in FRAGMENTATION)
        if on_gpu
        else [count_fragmentation(size, tokens, recipe, hardware) / 1e9] * 2
    )
    memory["fragmentation"] = least
    memory["context"] = CONTEXT_GB[hardware.device]
    memory["total"] = sum(memory.values())
    memory["worst_case"] = memory["total"] - least + most
    memory["device"] = hardware.memory_gb
    return {name: round(value, 4) for name, value in memory.items()}


def predict_weights(size: ModelSize, recipe: Recipe, hardware: Hardware) -> float:
    """Predict the bytes of the base model's weights, or of a device's part of them."""
    stored = _count_stored(size, recipe, hardware)
    return count_kept(stored, size, recipe, hardware) if hardware.is_sharded else stored


def _count_stored(size: ModelSize, recipe: Recipe, hardware: Hardware) -> float:
    parameters = size.quantized + size.unquantized
    if recipe.quantization is None or keeps_dequantized(parameters, hardware):
        return parameters * BYTES[hardware.dtype]
    double = recipe.quantization.get("bnb_4bit_use_double_quant", False)
    each = BYTES_PER_DOUBLY_QUANTIZED if double else BYTES_PER_QUANTIZED
    return size.quantized * each + size.unquantized * BYTES[hardware.dtype]


def count_optimizer_bytes(recipe: Recipe) -> int:
    """Count the bytes that the optimizer keeps for each trainable parameter."""
    optimizer = str((recipe.model_extra or {}).get("optim", "adamw_torch"))
    return OPTIMIZER_8BIT_BYTES if "8bit" in optimizer else OPTIMIZER_BYTES


def _activations(size: ModelSize, tokens: int, hardware: Hardware) -> float:
    """Add what the backward pass needs on a GPU.

    With checkpointing the inputs of all layers, and one layer or the head at a time; without it
    every layer and the head.
    """
    width = BYTES[hardware.dtype]
    inner = 12 * size.hidden + 3 * size.queries + size.key_values + 3 * size.feed_forward
    layer = width * tokens * inner
    head = _head(size, tokens, width)
    mask = MASK_BYTES * tokens * tokens
    if hardware.gradient_checkpointing:
        return mask + 2 * size.layers * width * tokens * size.hidden + max(head, layer)
    return mask + size.layers * layer + head


def _head(size: ModelSize, tokens: int, width: int) -> float:
    """Add one tile of logits of TRL's fused head, and the gradient of the hidden states."""
    tile = min(tokens, TILE_TOKENS) * min(size.vocabulary, TILE_WORDS)
    return tile * (width + 4) + 4 * tokens * size.hidden

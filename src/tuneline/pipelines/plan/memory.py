"""Memory of a QLoRA run by component.

The formula and its error (within 3 % on ten checkpointed T4 runs, before fragmentation) are given
in docs/plan.md.
"""

from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.model_size import ModelSize

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# 4 bits, and one float32 scale for 64 weights; with double quantisation the scale takes 8 bits and
# one float32 for 256 of them (QLoRA, arXiv 2305.14314, section 3).
BYTES_PER_QUANTIZED, BYTES_PER_DOUBLY_QUANTIZED = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
# AdamW keeps two moments: float32, or 8 bits each.
OPTIMIZER_BYTES, OPTIMIZER_8BIT_BYTES = 8, 2
CONTEXT_GB = {"cpu": 0.0, "cuda": 0.147}
# The allocator's cache holds more than is in use; the least that was seen on GPUs.
FRAGMENTATION = 1.06


def predict_memory(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware
) -> dict[str, float]:
    """Predict the peak of a training step on the longest batch.

    Args:
        size: the model's and the adapter's shape.
        longest: tokens of the longest example.
        recipe: quantisation and optimiser.
        hardware: batch, dtype, checkpointing and the memory there is.

    Returns:
        GB (10^9 bytes) by component, their `total`, and what the `device` has.
    """
    parts = {
        "weights": _weights(size, recipe, hardware),
        "adapter": size.trainable * 4,
        "gradients": size.trainable * 4,
        "optimizer": size.trainable * _optimizer_bytes(recipe),
        "activations": _activations(size, longest, hardware),
    }
    memory = {name: value / 1e9 for name, value in parts.items()}
    memory["fragmentation"] = sum(memory.values()) * (FRAGMENTATION - 1)
    memory["context"] = CONTEXT_GB[hardware.device]
    memory["total"] = sum(memory.values())
    memory["device"] = hardware.memory_gb
    return {name: round(value, 4) for name, value in memory.items()}


def _weights(size: ModelSize, recipe: Recipe, hardware: Hardware) -> float:
    double = recipe.quantization.get("bnb_4bit_use_double_quant", False)
    each = BYTES_PER_DOUBLY_QUANTIZED if double else BYTES_PER_QUANTIZED
    return size.quantized * each + size.unquantized * BYTES[hardware.dtype]


def _optimizer_bytes(recipe: Recipe) -> int:
    optimizer = str((recipe.model_extra or {}).get("optim", "adamw_torch"))
    return OPTIMIZER_8BIT_BYTES if "8bit" in optimizer else OPTIMIZER_BYTES


def _activations(size: ModelSize, longest: int, hardware: Hardware) -> float:
    """Add what the backward pass needs.

    With checkpointing the inputs of all layers, and one layer or the head at a time; without it
    every layer and the head.
    """
    tokens = hardware.per_device_train_batch_size * longest
    width = BYTES[hardware.dtype]
    inner = 12 * size.hidden + 3 * size.queries + size.key_values + 3 * size.feed_forward
    layer = width * tokens * inner
    head = 4 * 4 * tokens * size.vocabulary  # four float32 copies of the logits, not fused
    if hardware.gradient_checkpointing:
        return 2 * size.layers * width * tokens * size.hidden + max(head, layer)
    return size.layers * layer + head

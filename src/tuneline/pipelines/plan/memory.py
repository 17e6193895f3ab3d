"""Memory of a QLoRA run by component.

The formula and its error (within 3 % on ten checkpointed T4 runs, before fragmentation) are given
in docs/plan.md.
"""

from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.model_size import ModelSize
from tuneline.schedule import count_tokens_at_once

BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# 4 bits, and one float32 scale for 64 weights; with double quantisation the scale takes 8 bits and
# one float32 for 256 of them (QLoRA, arXiv 2305.14314, section 3).
BYTES_PER_QUANTIZED, BYTES_PER_DOUBLY_QUANTIZED = 0.5 + 4 / 64, 0.5 + 1 / 64 + 4 / (64 * 256)
# AdamW keeps two moments: float32, or 8 bits each.
OPTIMIZER_BYTES, OPTIMIZER_8BIT_BYTES = 8, 2
# sdpa's mask of a packed batch, for a pair of tokens: on a CPU as measured, with a head's scores;
# on a GPU one byte, and its copy in the kernel's own format.
MASK_BYTES = {"cpu": 16, "cuda": 4}
# A tile of TRL's fused head (trl 1.16, `kernels/chunked_logprob.py`), tokens by
# vocabulary.
HEAD_TOKENS, HEAD_VOCABULARY = 4096, 32768
# On a CPU Python and the libraries count (measured); on a GPU the CUDA context (published).
CONTEXT_GB = {"cpu": 0.8, "cuda": 0.147}
# A GPU's allocator holds more than is in use: so much more at least, and at most, was seen.
FRAGMENTATION = {"cpu": (1.0, 1.0), "cuda": (1.06, 1.49)}


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
        GB (10^9 bytes) by component, their `total`, the total with the most fragmentation that
        was seen (`at_worst`), and what the `device` has.
    """
    parts = {
        "weights": _weights(size, recipe, hardware),
        "adapter": size.trainable * 4,
        "gradients": size.trainable * 4,
        "optimizer": size.trainable * count_optimizer_bytes(recipe),
        "activations": _activations(
            size, count_tokens_at_once(longest, recipe, hardware), hardware
        ),
    }
    memory = {name: value / 1e9 for name, value in parts.items()}
    used, (least, most) = sum(memory.values()), FRAGMENTATION[hardware.device]
    memory["fragmentation"] = used * (least - 1)
    memory["context"] = CONTEXT_GB[hardware.device]
    memory["total"] = sum(memory.values())
    memory["at_worst"] = used * most + memory["context"]
    memory["device"] = hardware.memory_gb
    return {name: round(value, 4) for name, value in memory.items()}


def _weights(size: ModelSize, recipe: Recipe, hardware: Hardware) -> float:
    double = recipe.quantization.get("bnb_4bit_use_double_quant", False)
    each = BYTES_PER_DOUBLY_QUANTIZED if double else BYTES_PER_QUANTIZED
    return size.quantized * each + size.unquantized * BYTES[hardware.dtype]


def count_optimizer_bytes(recipe: Recipe) -> int:
    """Count the bytes that the optimiser keeps for each trainable parameter."""
    optimizer = str((recipe.model_extra or {}).get("optim", "adamw_torch"))
    return OPTIMIZER_8BIT_BYTES if "8bit" in optimizer else OPTIMIZER_BYTES


def _activations(size: ModelSize, tokens: int, hardware: Hardware) -> float:
    """Add what the backward pass needs.

    With checkpointing the inputs of all layers, and one layer or the head at a time; without it
    every layer and the head.
    """
    width = BYTES[hardware.dtype]
    inner = 12 * size.hidden + 3 * size.queries + size.key_values + 3 * size.feed_forward
    layer = width * tokens * inner
    head = _head(size, tokens, width)
    mask = MASK_BYTES[hardware.device] * tokens * tokens
    if hardware.gradient_checkpointing:
        return mask + 2 * size.layers * width * tokens * size.hidden + max(head, layer)
    return mask + size.layers * layer + head


def _head(size: ModelSize, tokens: int, width: int) -> float:
    """Add one tile of logits of TRL's fused head, and the gradient of the hidden states."""
    tile = min(tokens, HEAD_TOKENS) * min(size.vocabulary, HEAD_VOCABULARY)
    return tile * (width + 4) + 4 * tokens * size.hidden

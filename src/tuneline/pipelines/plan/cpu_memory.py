"""What a training step keeps in a CPU's memory, added up from the shapes of what autograd keeps.

Each term is a tensor that `torch.autograd.graph.saved_tensors_hooks` shows (torch 2.13, peft 0.21,
transformers 5.23), or that TRL's head makes in its passes. A GPU's formula is another one:
there kernels are fused, and the head's are Triton's.
"""

from typing import TYPE_CHECKING

from tuneline.models.fused_head import CPU_TILE_WORDS, TILE_TOKENS
from tuneline.models.memory import BYTES
from tuneline.parameters import Hardware, Recipe

if TYPE_CHECKING:
    from tuneline.pipelines.plan.memory_estimate import ModelSize

# Where PyTorch computes the head's loss, a tile of logits is there in the dtype, four times in
# float32 (`_forward_tile`: the logits, what becomes of them, exponentials, a product) and as masks.
TILES_IN_FLOAT32, TILES_AS_MASK = 4, 2
# PyTorch asks for aligned blocks (64 bytes), and glibc then looks for one that is a little larger:
# what a layer frees is too small for the next layer's blocks of the same size (glibc 2.36,
# `_int_memalign`). Measured, as a share of what the layers keep (docs/benchmarks.md).
NOT_REUSED = 0.75


def count_activations(size: "ModelSize", tokens: int, recipe: Recipe, hardware: Hardware) -> float:
    """Add up what a step keeps for its backward pass and what the head takes on top.

    Returns:
        Bytes at the highest point: as the backward pass begins, every layer, or with checkpointing
        the inputs of all layers, and the head; or, if that is more, one layer computed again.
    """
    width = BYTES[hardware.dtype]
    layer = _count_layer(size, tokens, recipe, hardware)
    ends = tokens * size.hidden * (2 * width + 4)  # last states, normalized, and their gradient
    head = _count_head(size, tokens, width)
    copied = size.trainable * width if width < BYTES["float32"] else 0  # the adapter, by autocast
    always = _count_pairs(tokens, recipe, hardware) + ends + copied
    if not hardware.gradient_checkpointing:
        return always + size.layers * layer + head
    inputs = size.layers * tokens * size.hidden * width
    return always + inputs + max(head, layer + _count_gradients(size, tokens, width))


def count_fragmentation(
    size: "ModelSize", tokens: int, recipe: Recipe, hardware: Hardware
) -> float:
    """Add up what glibc holds although it is free.

    With checkpointing as much is freed, and held, as without.
    """
    layer = _count_layer(size, tokens, recipe, hardware)
    return NOT_REUSED * size.layers * layer


def _count_pairs(tokens: int, recipe: Recipe, hardware: Hardware) -> float:
    """Count the pairs of tokens that a mask is made for."""
    return tokens * tokens / (1 if recipe.packing else hardware.per_device_train_batch_size)


def _count_layer(size: "ModelSize", tokens: int, recipe: Recipe, hardware: Hardware) -> float:
    """Count the bytes that a layer keeps."""
    width = BYTES[hardware.dtype]
    # sdpa makes one for each layer, of padded examples; packed ones are attended one by one.
    mask = 0 if recipe.packing else width * _count_pairs(tokens, recipe, hardware)
    return tokens * _count_token(size, recipe, width) + mask


def _count_token(size: "ModelSize", recipe: Recipe, width: int) -> float:
    """Count the bytes that a layer keeps for one token; `width` is the bytes of a number."""
    hidden, queries, inner = size.hidden, size.queries, size.feed_forward
    plain = width == BYTES["float32"] and not recipe.lora.get("lora_dropout")
    # Both norms read float32; gate, its activation and up.
    kept = 4 * 2 * hidden + width * 3 * inner
    # Query, key, value and the attention's output: of packed examples in float32, and put together
    # for the next layer; of padded ones the heads of key and value are repeated for all queries.
    if recipe.packing:
        kept += 4 * (2 * queries + 2 * size.key_values + (queries if plain else 0))
    else:
        kept += width * 4 * queries
    # What each adapted layer reads: q, k, v and gate, up the same as each other, unless it is
    # converted, as the adapter is float32, or drawn by dropout, for each of them anew.
    read = 5 * hidden + queries + inner
    if recipe.lora.get("lora_dropout"):
        kept += (width + 4) * read  # with dropout's mask
    else:
        kept += width * (2 * hidden + inner if plain else read)
    return kept + width * 7 * int(recipe.lora.get("r", 8))


def _count_gradients(size: "ModelSize", tokens: int, width: int) -> float:
    """Count what the backward pass of a layer holds at once: the feed-forward network's part."""
    return tokens * width * (2 * size.hidden + 4 * size.feed_forward)


def _count_head(size: "ModelSize", tokens: int, width: int) -> float:
    """Count the bytes of one tile of the head and of all that its loss takes."""
    tile = min(tokens, TILE_TOKENS) * min(size.vocabulary, CPU_TILE_WORDS)
    return tile * (width + 4 * TILES_IN_FLOAT32 + TILES_AS_MASK)

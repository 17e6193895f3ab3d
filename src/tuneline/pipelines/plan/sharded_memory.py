"""What each GPU holds of a model that is divided among several (FSDP2), from its shape.

Source: PyTorch's `fully_shard` (torch 2.13) as Accelerate applies it: every block of layers is a
unit that is gathered before it computes; embeddings and head are units of their own.
"""

from typing import TYPE_CHECKING

from tuneline.models.memory import BYTES
from tuneline.parameters import Hardware, Recipe

if TYPE_CHECKING:
    from tuneline.pipelines.plan.memory_estimate import ModelSize

# A weight in 4 bits, without its scales.
NIBBLE = 0.5
# Of a block: the one that computes, the next one, which is gathered meanwhile, and the buffer it
# arrives in.
GATHERED_BLOCKS = 3


def count_kept(stored: float, size: "ModelSize", recipe: Recipe, hardware: Hardware) -> float:
    """Count the bytes of weights that each GPU keeps of those `stored`.

    The scales of 4-bit weights are no parameters: each has all.
    """
    scales = 0.0
    if recipe.quantization is not None:
        divided = size.quantized * NIBBLE + size.unquantized * BYTES[hardware.dtype]
        scales = max(0.0, stored - divided)
    return (stored - scales) / hardware.world_size + scales


def count_gathered(size: "ModelSize", recipe: Recipe, hardware: Hardware) -> float:
    """Count the bytes that are gathered at the highest point.

    These are the blocks that are whole at once, with their part of the adapter, and the head, which
    stays from the loss to the end of the backward pass; 0 for a model that is not divided.
    """
    if not hardware.is_sharded:
        return 0.0
    width = BYTES[hardware.dtype]
    each = width if recipe.quantization is None else NIBBLE
    block = (size.quantized * each + size.trainable * 4) / size.layers
    return GATHERED_BLOCKS * block + size.vocabulary * size.hidden * width

"""What an adapter is merged into: which weights of which base model, in which number format."""

from tuneline.adapters import Adapter
from tuneline.hub_cache.fetching import fetch_base
from tuneline.parameters import Merge, Recipe
from tuneline.pipelines.merge.checkpoint import Checkpoint
from tuneline.pipelines.merge.quantized import QuantizedBase


def open_base(recipe: Recipe, merge: Merge) -> Checkpoint:
    """Open the base model that an adapter is merged into; download it if it has to be.

    Args:
        recipe: names the base model of the training.
        merge: names the 16-bit original, where that is another one.

    Returns:
        Its weights, on the disk.

    Raises:
        TunelineError: if it cannot be used, or if its download would fill the disk.
    """
    where = "recipe.base_model"
    if merge.base_model:
        where = "merge.base_model"
        base = {"base_model": merge.base_model, "revision": merge.revision}
        recipe = recipe.model_copy(update=base)
    fetch_base(recipe)
    return Checkpoint(recipe.base_model, recipe.revision, where)


def quantize_base(checkpoint: Checkpoint, adapter: Adapter, merge: Merge) -> QuantizedBase | None:
    """Take the base model as it was trained on, unless its original weights are asked for.

    Args:
        checkpoint: the base model.
        adapter: its provenance says how the base model was quantized, and from which format.
        merge: into which weights it is merged.

    Returns:
        The base model in 4 bits; `None` for the weights as they are stored.
    """
    settings = adapter.provenance["recipe"]["settings"]["quantization"]
    if merge.into == "original" or not settings:
        return None
    return QuantizedBase(checkpoint, settings, adapter.provenance["hardware"]["dtype"])


def choose_dtype(checkpoint: Checkpoint, merge: Merge) -> tuple[str, str]:
    """Choose the number format of the merged model.

    Args:
        checkpoint: the base model.
        merge: the format, where it is stated.

    Returns:
        `bfloat16`, `float16` or `float32`, and why.
    """
    if merge.dtype:
        return merge.dtype, "merge.dtype states it"
    if checkpoint.dtype in ("bfloat16", "float16"):
        return checkpoint.dtype, "the base model is stored in it"
    return "bfloat16", (
        f"the base model is stored in {checkpoint.dtype}, and bfloat16 keeps its range; float16 "
        "ends at 65,504"
    )


def word_weights(quantized: QuantizedBase | None) -> str:
    """Say into which of a base model's weights an adapter is merged.

    Args:
        quantized: the base model in 4 bits; `None` for the weights as they are stored.

    Returns:
        Words that follow "merged into".
    """
    if quantized is None:
        return "the base model's original weights"
    return (
        f"the base model's weights in 4 bits ({quantized.describe()}), dequantized: those that it "
        "was trained and judged with"
    )

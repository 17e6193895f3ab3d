"""What an adapter is merged into: which base model, in which number format."""

from tuneline.parameters import Merge, Recipe
from tuneline.pipelines.merge.checkpoint import Checkpoint


def open_base(recipe: Recipe, merge: Merge) -> Checkpoint:
    """Open the base model that an adapter is merged into.

    Args:
        recipe: names the base model of the training.
        merge: names the 16-bit original, where that is another one.

    Returns:
        Its weights, on the disk.

    Raises:
        TunelineError: if it cannot be used.
    """
    if merge.base_model:
        return Checkpoint(merge.base_model, merge.revision, "merge.base_model")
    return Checkpoint(recipe.base_model, recipe.revision, "recipe.base_model")


def choose_dtype(checkpoint: Checkpoint, merge: Merge) -> tuple[str, str]:
    """Choose the number format of the merged model.

    Args:
        checkpoint: the base model.
        merge: the format, where it is stated.

    Returns:
        `bfloat16` or `float16`, and why.
    """
    if merge.dtype:
        return merge.dtype, "merge.dtype states it"
    if checkpoint.dtype in ("bfloat16", "float16"):
        return checkpoint.dtype, "the base model is stored in it"
    return "bfloat16", (
        f"the base model is stored in {checkpoint.dtype}, and bfloat16 keeps its range; float16 "
        "ends at 65,504"
    )

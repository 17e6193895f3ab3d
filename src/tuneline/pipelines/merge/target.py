"""What an adapter is merged into: which base model, in which number format."""

from tuneline.hub_cache.fetching import fetch_base
from tuneline.parameters import Merge, Recipe
from tuneline.pipelines.merge.checkpoint import Checkpoint


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

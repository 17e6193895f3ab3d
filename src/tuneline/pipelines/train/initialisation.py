"""How the adapter's weights start."""

from pathlib import Path
from typing import Any

from tuneline.parameters import Recipe


def initialise_adapter(model: Any, recipe: Recipe) -> None:
    """Keep the adapter in float32, and start it as LoftQ does if the recipe asks for it.

    TRL casts the adapter of a quantised model to bfloat16; there, updates smaller than one bfloat16
    step are lost, and on a T4 the gradient scaler fails (trl issue 4901).

    Args:
        model: a PeftModel on a quantised base; changed in place.
        recipe: names the base model and the initialisation.
    """
    if recipe.lora.get("init_lora_weights") == "loftq":
        from peft import replace_lora_weights_loftq

        replace_lora_weights_loftq(model, _find_weights(recipe))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _find_weights(recipe: Recipe) -> str:
    if Path(recipe.base_model).is_dir():
        return recipe.base_model
    from huggingface_hub import snapshot_download

    return snapshot_download(recipe.base_model, revision=recipe.revision, local_files_only=True)

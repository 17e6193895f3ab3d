"""What the plan has chosen for `auto`, and how a later stage finds it again."""

from collections.abc import Mapping
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.parameters.base import AUTO
from tuneline.parameters.hardware import Hardware
from tuneline.parameters.recipe import Recipe, StatedRecipe

# The keys of the machine that can be left to the plan. Without a plan the model is not divided, and
# activations are computed again: that takes less memory.
CHECKPOINTING, FSDP = "gradient_checkpointing", "fsdp"
UNPLANNED = {CHECKPOINTING: True, FSDP: False}
# How a base model is stored in 4 bits: NF4, its scales quantized, too (QLoRA, arXiv 2305.14314).
FOUR_BITS = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
# Stands for `auto` where a recipe is checked before the plan has chosen; nothing is trained so.
PLACEHOLDERS: dict[str, Any] = {
    "quantization": FOUR_BITS,
    "lora.r": 16,
    "lora.lora_alpha": 32,
    "lora.target_modules": "all-linear",
    "max_length": 1024,
    "num_train_epochs": 1,
    "learning_rate": 3e-4,
}


def find_chosen(stated: StatedRecipe, choices: Mapping[str, Any]) -> dict[str, Any] | None:
    """Find what the plan chose last for a recipe's base model, by key; None if it did not yet."""
    wanted = {*stated.list_auto()}
    for choice in reversed(choices.get("choices", [])):
        if choice["base_model"] == stated.base_model and choice["values"].keys() >= wanted:
            return {key: choice["values"][key] for key in wanted}
    return None if wanted else {}


def settle_last(
    stated: StatedRecipe, choices: Mapping[str, Any], where: str, remedy: str
) -> Recipe:
    """Put what the plan chose last for this base model in the place of `auto`.

    What is stated stays as it is. Whether the plan was made for the examples and the settings at
    hand is compared by the training.

    Raises:
        TunelineError: if nothing was chosen yet.
    """
    chosen = find_chosen(stated, choices)
    if chosen is not None:
        return stated.settle(chosen)
    raise TunelineError(
        Problem(
            where=f"{where}.{stated.list_auto()[0]}",
            value=AUTO,
            wrong="the plan has not chosen it yet for this base model",
            matters="this stage needs the value that the training has",
            remedy=remedy,
        )
    )


def settle_hardware(hardware: Hardware, choices: Mapping[str, Any]) -> Hardware:
    """Put what the plan chose last in the place of `auto`; nothing of it changes an adapter."""
    last: Mapping[str, Any] = next(
        (one["hardware"] for one in reversed(choices.get("choices", []))), {}
    )
    chosen = {key: last.get(key, value) for key, value in UNPLANNED.items()}
    left = {key: value for key, value in chosen.items() if getattr(hardware, key) == AUTO}
    return hardware.model_copy(update=left) if left else hardware

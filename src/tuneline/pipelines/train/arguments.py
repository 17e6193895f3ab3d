"""SFTConfig's arguments: what the recipe states, and what follows from the machine."""

from typing import Any

from tuneline.parameters import Hardware, Recipe
from tuneline.schedule import derive_accumulation

# SFTConfig's keys that the recipe checks itself. Those it does not know are SFTConfig's, too; all
# others are Tuneline's own.
CHECKED_KEYS = {"num_train_epochs", "learning_rate", "seed"}


def derive_arguments(recipe: Recipe, hardware: Hardware) -> dict[str, Any]:
    """Derive SFTConfig's arguments.

    Args:
        recipe: its upstream keys are passed on.
        hardware: decides batch, accumulation, precision and checkpointing.

    Returns:
        Keyword arguments for SFTConfig, without `output_dir`.
    """
    defaults = {
        "save_strategy": "steps",
        "save_steps": 0.05,
        "save_total_limit": 2,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "report_to": "none",
        "ddp_find_unused_parameters": False,
    }
    derived = {
        **derive_batch(recipe, hardware),
        "gradient_checkpointing": hardware.gradient_checkpointing,
        "bf16": hardware.dtype == "bfloat16",
        "fp16": hardware.dtype == "float16",
        "use_cpu": hardware.device == "cpu",
        "dataloader_pin_memory": hardware.device == "cuda",
        # The rows come rendered: TRL would cut what is too long and not say so.
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": None,
        "disable_tqdm": True,  # progress goes through logging, the same on terminal and notebook
        "logging_nan_inf_filter": False,  # the watchdog must see what the loss is
        "restore_callback_states_from_checkpoint": recipe.early_stopping_patience is not None,
    }
    stated = recipe.model_dump(include=CHECKED_KEYS | set(recipe.model_extra or {}))
    return {**defaults, **stated, **derived}


def derive_batch(recipe: Recipe, hardware: Hardware) -> dict[str, int]:
    """Divide the global batch among processes, passes and examples.

    Packed, the trainer gets all examples of a step at once and divides them itself, by tokens.
    """
    if recipe.packing:
        share = recipe.global_batch_size // hardware.processes
        return {"per_device_train_batch_size": share, "gradient_accumulation_steps": 1}
    return {
        "per_device_train_batch_size": hardware.per_device_train_batch_size,
        "gradient_accumulation_steps": derive_accumulation(recipe, hardware),
    }

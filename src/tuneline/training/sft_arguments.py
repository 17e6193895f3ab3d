"""SFTConfig's arguments, from the recipe and the machine."""

from typing import Any

from tuneline.models.batching import derive_accumulation
from tuneline.parameters import Hardware, Recipe
from tuneline.training.best_checkpoint import ALL_THE_WAY, Watch

# SFTConfig's keys that the recipe checks itself. Those it does not know are SFTConfig's, too; all
# others are Tuneline's own.
CHECKED_KEYS = {"num_train_epochs", "learning_rate", "seed"}


def derive_arguments(
    recipe: Recipe, hardware: Hardware, watch: Watch = ALL_THE_WAY
) -> dict[str, Any]:
    """Derive SFTConfig's arguments, without `output_dir`."""
    defaults = {
        "save_strategy": "steps",
        "save_steps": 0.05,
        "save_total_limit": 2,
        "report_to": "none",
        "ddp_find_unused_parameters": False,
    }
    resolved = {
        **derive_batch(recipe, hardware),
        "metric_for_best_model": f"eval_{watch.choice.metric}",
        "greater_is_better": watch.choice.metric == "chrf",
        **({} if watch.evaluations is None else {"eval_strategy": "no"}),
        **_follow_metric(recipe, watch),
        "gradient_checkpointing": hardware.gradient_checkpointing,
        "bf16": hardware.dtype == "bfloat16",
        "fp16": hardware.dtype == "float16",
        "use_cpu": hardware.device == "cpu",
        "dataloader_pin_memory": hardware.device == "cuda",
        # The rows come rendered: TRL would cut what is too long and not say so.
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": None,
        "disable_tqdm": True,  # see `TrainingProgress`
        "logging_nan_inf_filter": False,  # the watchdog must see what the loss is
        "restore_callback_states_from_checkpoint": recipe.early_stopping_patience is not None,
    }
    stated = recipe.model_dump(include=CHECKED_KEYS | set(recipe.model_extra or {}))
    return {**defaults, **stated, **resolved}


def _follow_metric(recipe: Recipe, watch: Watch) -> dict[str, Any]:
    """Let a scheduler that waits for better evaluations know which way is better."""
    stated = recipe.model_extra or {}
    if stated.get("lr_scheduler_type") != "reduce_lr_on_plateau" or watch.choice.metric == "loss":
        return {}
    return {"lr_scheduler_kwargs": {**(stated.get("lr_scheduler_kwargs") or {}), "mode": "max"}}


def derive_batch(recipe: Recipe, hardware: Hardware) -> dict[str, int]:
    """Divide the global batch among processes, passes and examples.

    Packed, the trainer gets all examples of a step at once and divides them itself, by tokens.
    """
    if recipe.packing:
        share = recipe.global_batch_size // hardware.world_size
        return {"per_device_train_batch_size": share, "gradient_accumulation_steps": 1}
    return {
        "per_device_train_batch_size": hardware.per_device_train_batch_size,
        "gradient_accumulation_steps": derive_accumulation(recipe, hardware),
    }

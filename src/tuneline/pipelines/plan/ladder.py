"""What to change, in which order, when a run does not fit, and what each change saves.

First what leaves the result as it is, then what changes it least.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.memory import predict_memory
from tuneline.pipelines.plan.model_size import ModelSize


@dataclass(frozen=True)
class Setting:
    """Everything that a run's memory follows from.

    Attributes:
        size: shape of model and adapter.
        longest: tokens of the longest example.
        recipe: what is trained and how.
        hardware: the machine.
    """

    size: ModelSize
    longest: int
    recipe: Recipe
    hardware: Hardware

    def total_gb(self) -> float:
        """Predict the peak."""
        return predict_memory(self.size, self.longest, self.recipe, self.hardware)["total"]


def build_ladder(setting: Setting) -> list[dict[str, Any]]:
    """Work out the changes, each on top of those before it.

    Args:
        setting: the run as it is planned.

    Returns:
        One entry a rung: the `change` as one would write it into the YAML, `effect` on the result,
        `saves_gb`, and the predicted `total_gb` with all changes so far.
    """
    rungs, total = [], setting.total_gb()
    for change, effect, changed in _changes(setting):
        after = changed.total_gb()
        rungs.append(
            {
                "change": change,
                "effect": effect,
                "saves_gb": round(total - after, 4),
                "total_gb": round(after, 4),
            }
        )
        total = after
    return rungs


def _changes(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    for step in (_shrink_batch, _checkpoint, _quantise_twice, _quantise_optimizer, _halve_rank):
        for change, effect, changed in step(setting):
            setting = changed
            yield change, effect, changed


def _shrink_batch(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    hardware = setting.hardware
    key, least = (
        ("tokens_per_batch", setting.longest)
        if setting.recipe.packing
        else ("per_device_train_batch_size", 1)
    )
    value = getattr(hardware, key)
    if value > least:
        changed = hardware.model_copy(update={key: least})
        yield (
            f"hardware.{key}: {least}",
            "none; slower",
            replace(setting, hardware=changed),
        )


def _checkpoint(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    if not setting.hardware.gradient_checkpointing:
        changed = setting.hardware.model_copy(update={"gradient_checkpointing": True})
        yield (
            "hardware.gradient_checkpointing: true",
            "none; a third slower",
            replace(setting, hardware=changed),
        )


def _quantise_twice(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    quantization = setting.recipe.quantization
    if not quantization.get("bnb_4bit_use_double_quant"):
        update = {"quantization": {**quantization, "bnb_4bit_use_double_quant": True}}
        yield (
            "recipe.quantization.bnb_4bit_use_double_quant: true",
            "hardly any",
            replace(setting, recipe=setting.recipe.model_copy(update=update)),
        )


def _quantise_optimizer(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    optimizer = str((setting.recipe.model_extra or {}).get("optim", ""))
    if setting.hardware.device == "cuda" and "8bit" not in optimizer:
        recipe = Recipe.model_validate({**setting.recipe.model_dump(), "optim": "adamw_8bit"})
        yield "recipe.optim: adamw_8bit", "hardly any", replace(setting, recipe=recipe)


def _halve_rank(setting: Setting) -> Iterator[tuple[str, str, Setting]]:
    rank = setting.recipe.lora.get("r", 8)
    if rank >= 16:
        lora = {**setting.recipe.lora, "r": rank // 2}
        yield (
            f"recipe.lora.r: {rank // 2}",
            "an adapter that can learn less",
            replace(
                setting,
                recipe=setting.recipe.model_copy(update={"lora": lora}),
                size=replace(setting.size, trainable=setting.size.trainable // 2),
            ),
        )

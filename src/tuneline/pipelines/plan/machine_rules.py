"""What `auto` stands for in `hardware`: checkpointing, and a model divided among several GPUs."""

from collections.abc import Iterator
from typing import Any

from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.base import AUTO
from tuneline.parameters.chosen import CHECKPOINTING, FSDP
from tuneline.pipelines.plan.choices import Choice
from tuneline.pipelines.plan.memory_estimate import ModelSize, predict_memory, predict_weights
from tuneline.reporting.pages import format_number

SUBLINEAR = "Training deep nets with sublinear memory cost (2016)"
SHARDED = "PyTorch FSDP (2023)"


def choose_machine(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware, blocks: list[str]
) -> tuple[Hardware, list[Choice]]:
    """Choose what the machine leaves to the plan.

    Every key has a choice, left to the plan or not. `blocks` of the base model are as `name_blocks`
    gives them; `longest` is in tokens.
    """
    choices = []
    if _has_several_gpus(hardware):
        choices.append(choose_sharding(size, longest, recipe, hardware, blocks))
    machine = _settle(hardware, FSDP, choices[0].value if choices else False)
    checkpointing = choose_checkpointing(size, longest, recipe, machine)
    choices.append(checkpointing)
    return _settle(machine, CHECKPOINTING, checkpointing.value), choices


def _has_several_gpus(hardware: Hardware) -> bool:
    return hardware.device == "cuda" and hardware.world_size > 1


def _settle(hardware: Hardware, key: str, value: Any) -> Hardware:
    left = getattr(hardware, key) == AUTO
    return hardware.model_copy(update={key: value}) if left else hardware


def choose_checkpointing(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware
) -> Choice:
    """Choose whether activations are computed again: only where they do not fit."""
    kept = hardware.model_copy(update={CHECKPOINTING: False})
    needed = predict_memory(size, longest, recipe, kept)["worst_case"]
    fits = needed <= hardware.memory_gb
    return Choice(
        f"hardware.{CHECKPOINTING}",
        not fits,
        f"Without it the training is predicted to need up to {needed:.1f} GB of "
        f"{hardware.memory_gb:g} GB, and {'it costs' if fits else 'it saves most of that for'} a "
        "third more time.",
        SUBLINEAR,
    )


def choose_sharding(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware, blocks: list[str]
) -> Choice:
    """Choose whether a model is divided among the GPUs: only where it does not fit on one.

    A copy on each exchanges the adapter's gradients alone, a divided model all of its weights, for
    which it needs buffers: those of a small model may be more than its part saves.
    """
    whole, divided = _predict_both(size, longest, recipe, hardware)
    memory = f"up to {whole:.1f} GB of {hardware.memory_gb:g} GB"
    if whole <= hardware.memory_gb:
        reason = f"Whole, the model needs {memory} on each GPU, and parts would exchange more."
    elif blocks:
        less = "" if divided < whole else ", no less"
        reason = (
            f"Whole, the model would need {memory} on each GPU; divided among "
            f"{hardware.world_size}, up to {divided:.1f} GB{less}."
        )
    else:
        reason = (
            f"Whole, the model would need {memory} on each GPU, but transformers names no blocks "
            "of its architecture that it could be divided by."
        )
    value = whole > max(hardware.memory_gb, divided) and bool(blocks)
    return Choice(f"hardware.{FSDP}", value, reason, SHARDED)


def _predict_both(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware
) -> Iterator[float]:
    """Predict what each GPU needs at most, with a whole model and with a part of it."""
    for fsdp in (False, True):
        least = _settle(hardware, CHECKPOINTING, True).model_copy(update={FSDP: fsdp})
        yield predict_memory(size, longest, recipe, least)["worst_case"]


def describe_sharding(
    size: ModelSize, longest: int, recipe: Recipe, hardware: Hardware
) -> dict[str, Any] | None:
    """Describe how a model lies on several GPUs.

    Returns:
        Whether it is `divided`, among how many `processes`, what each GPU needs of memory at most
        with a model that is `whole_gb` and `divided_gb`, what the memory of a machine needs while a
        model is loaded that is then divided (`loading_gb`), and a `summary`; None where there is
        one GPU, or none.
    """
    if not _has_several_gpus(hardware):
        return None
    whole, divided = _predict_both(size, longest, recipe, hardware)
    on_one = predict_weights(size, recipe, hardware.model_copy(update={FSDP: False})) / 1e9
    loading = hardware.processes * on_one if hardware.is_sharded else 0.0
    shown = {"whole": format_number(whole, 1), "divided": format_number(divided, 1)}
    summary = (
        f"Each GPU needs up to {shown['divided']} GB; with the whole model it would be "
        f"{shown['whole']} GB. While it is loaded, a machine needs {format_number(loading, 1)} GB "
        "of its own memory. This has been tried on CPUs, and not yet on GPUs."
        if hardware.is_sharded
        else f"Each GPU needs up to {shown['whole']} GB; with a part of the model "
        f"(hardware.fsdp) it would be {shown['divided']} GB."
    )
    return {
        "divided": hardware.is_sharded,
        "processes": hardware.world_size,
        "whole_gb": whole,
        "divided_gb": divided,
        "loading_gb": round(loading, 4),
        "summary": summary,
    }

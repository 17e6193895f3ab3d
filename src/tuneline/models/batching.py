"""How examples are handed out: batches, accumulation and the optimizer steps of a run."""

import math
from collections.abc import Iterator

from tuneline.errors import Problem
from tuneline.parameters import Hardware, Recipe


def derive_accumulation(recipe: Recipe, hardware: Hardware) -> int:
    """Derive how many padded batches one optimizer step gathers.

    Args:
        recipe: states the global batch, the same on every machine.
        hardware: states what a device takes at once, and how many there are.

    Returns:
        The number of batches; `preflight` has checked that it is whole.
    """
    return recipe.global_batch_size // count_at_once(recipe, hardware)


def count_at_once(recipe: Recipe, hardware: Hardware) -> int:
    """Count the examples that are handed out at once; the global batch must be a multiple.

    Args:
        recipe: whether examples are packed: then a process takes its share of a step at once.
        hardware: batch and processes.

    Returns:
        The number of examples.
    """
    return hardware.world_size * (1 if recipe.packing else hardware.per_device_train_batch_size)


def find_batch_problem(recipe: Recipe, hardware: Hardware, where: str) -> Iterator[Problem]:
    """Find out whether the global batch can be divided among processes and batches.

    Args:
        recipe: states the global batch.
        hardware: batch and processes.
        where: the parameter, for the message.

    Yields:
        That it cannot.
    """
    at_once = count_at_once(recipe, hardware)
    if recipe.global_batch_size % at_once:
        device = "" if recipe.packing else " times hardware.per_device_train_batch_size"
        machines = " times hardware.machines" if hardware.machines > 1 else ""
        yield Problem(
            where=where,
            value=recipe.global_batch_size,
            wrong=f"it is no multiple of hardware.processes{machines}{device} = {at_once}",
            matters="no accumulation gives exactly this batch",
            remedy="make one a multiple of the other",
        )


def count_tokens_at_once(longest: int, recipe: Recipe, hardware: Hardware) -> int:
    """Count the tokens that go through the model at once, at most.

    Args:
        longest: tokens of the longest example.
        recipe: whether examples are packed.
        hardware: what the device takes at once.

    Returns:
        Tokens, padding included.
    """
    if recipe.packing:
        return max(hardware.tokens_per_batch, longest)
    return hardware.per_device_train_batch_size * longest


def plan_steps(examples: int, recipe: Recipe, hardware: Hardware) -> dict[str, int | float]:
    """Count the optimizer steps of a run.

    Args:
        examples: training examples that are used.
        recipe: global batch and epochs, or `max_steps`.
        hardware: batch and processes.

    Returns:
        Batch sizes, steps per epoch and in total.
    """
    per_epoch = max(1, math.ceil(examples / recipe.global_batch_size))
    stated = (recipe.model_extra or {}).get("max_steps", -1)
    total = stated if stated > 0 else math.ceil(per_epoch * recipe.num_train_epochs)
    batch: dict[str, int | float] = (
        {"tokens_per_batch": hardware.tokens_per_batch}
        if recipe.packing
        else {
            "per_device_batch_size": hardware.per_device_train_batch_size,
            "accumulation": derive_accumulation(recipe, hardware),
        }
    )
    return {
        "global_batch_size": recipe.global_batch_size,
        "processes": hardware.world_size,
        **batch,
        "epochs": total / per_epoch,
        "per_epoch": per_epoch,
        "total": total,
    }

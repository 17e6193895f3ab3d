"""From the global batch to the machine's steps."""

import math

from tuneline.parameters import Hardware, Recipe


def derive_accumulation(recipe: Recipe, hardware: Hardware) -> int:
    """Derive how many batches one optimiser step gathers.

    Args:
        recipe: states the global batch, the same on every machine.
        hardware: states what the device takes at once.

    Returns:
        The number of batches; `preflight` has checked that it is whole.
    """
    return recipe.global_batch_size // hardware.per_device_train_batch_size


def plan_steps(examples: int, recipe: Recipe, hardware: Hardware) -> dict[str, int | float]:
    """Count the optimiser steps of a run.

    Args:
        examples: training examples that fit.
        recipe: global batch and epochs.
        hardware: batch of the device.

    Returns:
        Batch sizes, accumulation, steps per epoch and in total.
    """
    per_epoch = max(1, math.ceil(examples / recipe.global_batch_size))
    return {
        "global_batch_size": recipe.global_batch_size,
        "per_device_batch_size": hardware.per_device_train_batch_size,
        "accumulation": derive_accumulation(recipe, hardware),
        "epochs": recipe.num_train_epochs,
        "per_epoch": per_epoch,
        "total": math.ceil(per_epoch * recipe.num_train_epochs),
    }

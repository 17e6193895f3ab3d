"""Whether a planned run can start, in words."""

from typing import Any


def judge(plan: dict[str, Any]) -> dict[str, Any]:
    """Say whether the run fits, and why not.

    Args:
        plan: everything the plan knows.

    Returns:
        `fits`, and `words`: a sentence for each obstacle, or one on what the run will be.
    """
    obstacles = [*_judge_overflow(plan), *_judge_memory(plan)]
    return {"fits": not obstacles, "words": " ".join(obstacles) or _describe(plan)}


def _judge_overflow(plan: dict[str, Any]) -> list[str]:
    overflow = plan["overflow"]
    if overflow["share"] <= overflow["allowed_share"]:
        return []
    return [
        f"recipe.max_length = {overflow['max_length']}: {overflow['share']:.1%} of the "
        f"training examples are longer; more than {overflow['allowed_share']:.1%} would be left "
        "out; raise max_length, shorten the texts (data.rules.max_characters), or allow more with "
        "recipe.overflow_share."
    ]


def _judge_memory(plan: dict[str, Any]) -> list[str]:
    memory = plan["memory_gb"]
    if memory["total"] <= memory["device"]:
        return []
    return [
        f"hardware.memory_gb = {memory['device']:g}: the run is predicted to need "
        f"{memory['total']:.1f} GB; it would end in an out-of-memory error; lower "
        "hardware.per_device_train_batch_size (the global batch stays as it is), switch "
        "hardware.gradient_checkpointing on, or lower recipe.max_length."
    ]


def _describe(plan: dict[str, Any]) -> str:
    steps, memory, left_out = plan["steps"], plan["memory_gb"], len(plan["overflow"]["ids"])
    dropped = (
        f" {left_out} training examples are longer than max_length and left out."
        if left_out
        else ""
    )
    return (
        f"fits: {steps['total']:,} steps of {steps['global_batch_size']} examples, "
        f"{plan['parameters']['trainable']:,} trainable parameters "
        f"({plan['parameters']['trainable_share']:.2%}), "
        f"{memory['total']:.2f} of {memory['device']:g} GB.{dropped}"
    )

"""Whether a planned run can start, in words."""

from collections.abc import Iterator
from typing import Any


def judge(plan: dict[str, Any]) -> dict[str, Any]:
    """Say whether the run fits, and why not.

    Args:
        plan: everything the plan knows.

    Returns:
        `shown`: fits, does not fit or cannot tell; and `words`: a sentence for each obstacle, or
        one on what the run will be.
    """
    obstacles = [*_judge_overflow(plan), *_judge_memory(plan), *_judge_disk(plan)]
    if obstacles:
        return {"shown": "does not fit", "words": " ".join(obstacles)}
    if plan["memory_gb"]["at_worst"] > plan["memory_gb"]["device"]:
        return {"shown": "cannot tell", "words": f"{_word_doubt(plan)} {_describe(plan)}"}
    return {"shown": "fits", "words": _describe(plan)}


def _judge_overflow(plan: dict[str, Any]) -> Iterator[str]:
    overflow = plan["overflow"]
    if overflow["policy"] == "fail" and overflow["share"] > overflow["allowed_share"]:
        yield (
            f"recipe.max_length = {overflow['max_length']}: {overflow['share']:.1%} of the "
            f"training examples are longer; more than {overflow['allowed_share']:.1%} would be "
            "left out; raise max_length, shorten the texts (data.rules.max_characters), allow more "
            "with recipe.overflow_share, or choose recipe.overflow: drop or truncate."
        )


def _judge_memory(plan: dict[str, Any]) -> Iterator[str]:
    memory = plan["memory_gb"]
    if memory["total"] > memory["device"]:
        yield (
            f"hardware.memory_gb = {memory['device']:g}: the run is predicted to need "
            f"{memory['total']:.1f} GB; it would end in an out-of-memory error; "
            f"{_word_ladder(plan['ladder'], memory['device'])}."
        )


def _judge_disk(plan: dict[str, Any]) -> Iterator[str]:
    for place in plan["disk"]:
        if not place["fits"]:
            yield (
                f"{place['folder']} = {place['free_gb']:g} GB free: the run needs "
                f"{place['needed_gb']:g} GB there for {place['purpose']}, and more for what else "
                "goes to the same disk; it would end with a full one; free space there, or move "
                "`data` in globals.yml or the hub's cache (storage.hub_cache) to another disk "
                "(`kedro storage` shows what fills it)."
            )


def _word_ladder(ladder: list[dict[str, Any]], device_gb: float) -> str:
    """Name the rungs up to the first that fits."""
    steps = []
    for rung in ladder:
        steps.append(f"{rung['change']} (then {rung['total_gb']:.1f} GB)")
        if rung["total_gb"] <= device_gb:
            return "change, in this order, " + ", ".join(steps)
    return (
        f"even {', '.join(steps)} does not suffice: lower recipe.max_length or take a smaller "
        "base model"
        if steps
        else "lower recipe.max_length or take a smaller base model"
    )


def _word_doubt(plan: dict[str, Any]) -> str:
    memory = plan["memory_gb"]
    return (
        f"cannot tell: {memory['total']:.1f} GB are predicted, and up to {memory['at_worst']:.1f} "
        f"GB with much fragmentation, of {memory['device']:g} GB; the measured first step decides."
    )


def _describe(plan: dict[str, Any]) -> str:
    steps, memory, overflow = plan["steps"], plan["memory_gb"], plan["overflow"]
    fate = "cut there, without an end token" if overflow["policy"] == "truncate" else "left out"
    over = (
        f" {len(overflow['ids'])} training examples are longer than max_length and {fate}."
        if overflow["ids"]
        else ""
    )
    return (
        f"{steps['total']:,} steps of {steps['global_batch_size']} examples, "
        f"{plan['parameters']['trainable']:,} trainable parameters "
        f"({plan['parameters']['trainable_share']:.2%}), "
        f"{memory['total']:.2f} of {memory['device']:g} GB{_word_time(plan['time'])}.{over}"
    )


def _word_time(time: dict[str, Any]) -> str:
    if time["seconds"] is None:
        return ""
    hours, minutes = divmod(round(time["seconds"] / 60), 60)
    cost = f" and {time['cost']:.2f} {time['currency']}" if time["cost"] else ""
    return f", about {hours}:{minutes:02d} hours{cost}"

"""The adapters that measure a recipe: what they add to the plan of the whole run."""

from typing import Any

from tuneline.models.batching import plan_steps
from tuneline.parameters import Evaluation, Hardware, Recipe


def add_folds(
    plan: dict[str, Any], evaluation: Evaluation, recipe: Recipe, hardware: Hardware
) -> dict[str, Any]:
    """Add what the training of all folds takes to the plan of the released adapter.

    Adds `cross_fit`: how many `adapters`, and their `steps` and `tokens` together, for folds of the
    same size; and a part of that name in its `time`, which is in the sums.
    """
    folds = evaluation.cross_fit
    if not folds:
        return plan
    used = plan["overlong"]["used"]["train"]
    fewer = max(1, used - round(plan["examples"].get("test", 0) / folds))
    steps = plan_steps(fewer, recipe, hardware)
    share = folds * fewer * steps["epochs"] / max(1, used * plan["steps"]["epochs"])
    added = {
        "adapters": folds,
        "steps": folds * int(steps["total"]),
        "tokens": round(share * plan["tokens"]["in_all"]),
    }
    time, training = plan["time"], plan["time"]["training"]
    part = training | {key: _scale(training[key], share) for key in ("seconds", "cost")}
    sums = {key: _add(time[key], part[key]) for key in ("seconds", "cost")}
    return plan | {"cross_fit": added, "time": time | sums | {"cross_fit": part}}


def _scale(value: float | None, share: float) -> float | None:
    return None if value is None else round(value * share, 4)


def _add(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 4)

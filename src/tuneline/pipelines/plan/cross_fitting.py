"""The adapters that measure a recipe: the plan of each, and what they add to the whole run."""

from typing import Any

import pandas as pd

from tuneline.models.batching import plan_steps
from tuneline.models.run_differences import RunInputs
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.pipelines.plan.estimates import (
    choose_used,
    describe_learning_rate,
    describe_overlong,
    describe_tokens,
)


def plan_fold(
    plan: dict[str, Any],
    inputs: RunInputs,
    token_report: pd.DataFrame,
    recipe: Recipe,
    hardware: Hardware,
) -> dict[str, Any]:
    """Plan the training of a fold.

    Memory and verdict are the released adapter's: no fold has a longer example.
    """
    used = choose_used(token_report, recipe)
    steps = plan_steps(len(used), recipe, hardware)
    return plan | {
        "inputs": inputs,
        "examples": token_report["split"].value_counts().to_dict(),
        "tokens": describe_tokens(used, steps),
        "overlong": describe_overlong(token_report, used, recipe),
        "steps": steps,
        "learning_rate": describe_learning_rate(int(steps["total"]), recipe),
    }


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

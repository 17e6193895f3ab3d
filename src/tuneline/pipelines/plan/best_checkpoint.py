"""Whether the answers to the validation prompts choose the released checkpoint, or their loss."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from tuneline.parameters import Evaluation, Recipe
from tuneline.pipelines.plan.workload import count_validations, find_longest_answer
from tuneline.training.best_checkpoint import Choice
from tuneline.training.validation_answers import make_greedy

# Answers choose where generating them takes less than this share of the training's time.
SHARE = 0.1


def plan_best_checkpoint(
    plan: dict[str, Any],
    token_report: pd.DataFrame,
    recipe: Recipe,
    evaluation: Evaluation,
    fixed: Choice | None = None,
) -> dict[str, Any]:
    """Choose by answers where they are cheap.

    `fixed` is the choice of this very run, if it has started: another speed does not change it.

    Returns:
        The plan with `best_checkpoint`: `metric`, `reason` and `generation`, as `Choice` has them,
        `seconds_each`, of the answers to all validation prompts at one evaluation, and the
        `share_of_seconds` of the training that all of them take, both null where they are not
        known. Where answers choose, their time is in that of the training.
    """
    each = plan["time"]["validation_answers"]["seconds"]
    training = plan["time"]["training"]["seconds"]
    # Before the first step there is no checkpoint.
    whole = None if each is None else each * (count_validations(plan["steps"], recipe) - 1)
    share = whole / training if whole is not None and training else None
    made = fixed or _make_choice(share, plan, token_report, recipe, evaluation)
    choice, metric, reason = asdict(made), made.metric, made.reason
    named = "the answers to the validation prompts (chrF)" if metric == "chrf" else "the loss"
    return plan | {
        "best_checkpoint": {
            **choice,
            "seconds_each": each,
            "share_of_seconds": share and round(share, 4),
        },
        "resolved": plan["resolved"] | {"best checkpoint": f"by {named}: {reason}"},
        "time": _add(plan["time"], whole) if metric == "chrf" else plan["time"],
    }


def _make_choice(
    share: float | None,
    plan: dict[str, Any],
    token_report: pd.DataFrame,
    recipe: Recipe,
    evaluation: Evaluation,
) -> Choice:
    is_divided = (plan.get("sharding") or {}).get("divided", False)
    metric, reason = _choose(share, recipe, is_divided)
    longest = find_longest_answer(token_report, plan["context"]["max_new_tokens"])
    generation = make_greedy(evaluation.generation, longest) if metric == "chrf" else {}
    return Choice(metric, reason, generation)  # type: ignore[arg-type]


def _choose(share: float | None, recipe: Recipe, is_divided: bool) -> tuple[str, str]:
    stated = recipe.metric_for_best_model
    if stated:
        return stated, "recipe.metric_for_best_model states it"
    if is_divided:
        return "loss", "a model that is divided among GPUs answers nothing while it is trained"
    if (recipe.model_extra or {}).get("lr_scheduler_type") == "reduce_lr_on_plateau":
        return "loss", "the learning rate follows it"
    if share is None:
        return "loss", "how long it takes to generate answers is not known"
    takes = f"of the training's time ({SHARE:.0%} is the limit)"
    if share < SHARE:
        return "chrf", f"generating them is predicted to take {share:.1%} {takes}"
    return "loss", f"generating answers is predicted to take {share:.0%} {takes}"


def _add(time: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Add the answers to a training's time, where it does not rest on one that had them."""
    training = time["training"]
    if not seconds or not training["seconds"] or training["has_answers"]:
        return time
    grown = training["seconds"] + seconds
    cost = training["cost"] and round(training["cost"] * grown / training["seconds"], 4)
    more = 0.0 if cost is None else cost - training["cost"]
    return time | {
        "seconds": time["seconds"] and round(time["seconds"] + seconds, 1),
        "cost": None if time["cost"] is None else round(time["cost"] + more, 4),
        "training": training | {"seconds": round(grown, 1), "cost": cost, "has_answers": True},
    }

"""What a sweep takes before it starts: every trial planned as a training is, time and money."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.loading import load_model_config
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Recipe, Sweep
from tuneline.parameters.sweep import Trial, count_kept, list_rungs, list_trials
from tuneline.pipelines.plan.estimates import measure_disks, plan_disk
from tuneline.pipelines.plan.plan_page import judge
from tuneline.pipelines.plan.run_card import format_duration
from tuneline.pipelines.plan.token_counts import count_tokens
from tuneline.pipelines.plan.workload import find_longest_answer, plan_model, plan_training
from tuneline.training.best_checkpoint import Choice
from tuneline.training.validation_answers import make_greedy

log = logging.getLogger(__name__)

# What a trial does not share with the recipe: it is compared at its rungs, and nowhere else.
FIXED = {"metric_for_best_model": "chrf", "early_stopping_patience": None, "save_strategy": "steps"}
UNFIT = "does not fit"


def plan_sweep(
    plan: dict[str, Any],
    train: list[Example],
    validation: list[Example],
    sweep_checkpoints: Path,
    adapter_folder: Path,
    recipe: Recipe,
    sweep: Sweep,
    evaluation: Evaluation,
    hardware: Hardware,
    replay: Sequence[Example] = (),
) -> dict[str, Any]:
    """Work a sweep out before it starts.

    Returns:
        `trials`: of each its `name`, `values`, `settings` (the recipe with them), `inputs`,
        `steps`, `memory_gb`, `best_checkpoint`, `seconds` of the whole training and its `verdict`;
        the `rungs`, shares of a schedule; `time` (`seconds` and `cost`, at most, null where they
        are not known); and a `summary`.

    Raises:
        TunelineError: if the recipe as it is does not fit, or no other trial does.
    """
    trials = list_trials(recipe, sweep)
    reports: dict[tuple[Any, ...], pd.DataFrame] = {}
    planned = []
    for trial in trials:
        fixed = Recipe.model_validate({**trial.recipe.model_dump(), **FIXED})
        rendered = (fixed.base_model, fixed.revision, fixed.chat_template_path, fixed.max_length)
        if rendered not in reports:
            reports[rendered] = count_tokens(train, validation, [], fixed, replay)
        inputs = describe_inputs(train, validation, load_tokenizer(fixed), fixed, hardware, replay)
        found = _plan_trial(
            plan | {"inputs": inputs}, reports[rendered], fixed, evaluation, hardware
        )
        disks = measure_disks(sweep_checkpoints, adapter_folder)
        disk = plan_disk(found.pop("size"), fixed, disks, len(trials))
        found["verdict"] = judge(found | {"disk": disk})
        planned.append(_describe(trial, fixed, found, plan["time"]))
    _check_fit(planned)
    fitting = [one for one in planned if one["verdict"]["label"] != UNFIT]
    rungs = list_rungs(len(fitting))
    time = _estimate(fitting, rungs, plan["time"], hardware)
    summary = _summarize(planned, fitting, rungs, time)
    log.info("%s", summary)
    return {"trials": planned, "rungs": rungs, "time": time, "summary": summary}


def _plan_trial(
    plan: dict[str, Any],
    report: pd.DataFrame,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> dict[str, Any]:
    run, asked = plan_model(load_model_config(recipe), report, recipe, evaluation, hardware)
    answer = find_longest_answer(report, asked["context"]["max_new_tokens"])
    generation = make_greedy(evaluation.generation, answer)
    choice = Choice("chrf", "a sweep compares answers", generation)
    return {
        **plan,
        **plan_training(plan["inputs"], report, recipe, hardware),
        **asked,
        "size": run.size,
        "best_checkpoint": asdict(choice),
    }


def _describe(
    trial: Trial, recipe: Recipe, found: dict[str, Any], time: dict[str, Any]
) -> dict[str, Any]:
    rate = time["training"]["tokens_per_second"]
    kept = ("inputs", "steps", "memory_gb", "best_checkpoint", "verdict")
    return {
        "name": trial.name,
        "values": trial.values,
        "settings": recipe.model_dump(),
        "seconds": round(found["tokens"]["in_all"] / rate, 1) if rate else None,
        **{key: found[key] for key in kept},
    }


def _check_fit(planned: list[dict[str, Any]]) -> None:
    """Refuse a sweep that could compare nothing."""
    unfit = [one for one in planned if one["verdict"]["label"] == UNFIT]
    first, others = planned[0], planned[1:]
    if first in unfit or len(unfit) == len(others):
        one = first if first in unfit else unfit[0]
        raise TunelineError(
            Problem(
                where="sweep.space",
                value=one["values"] or None,
                wrong=(
                    "the recipe as it is does not fit"
                    if one is first
                    else f"none of its {len(others)} trials fits next to the recipe as it is"
                )
                + f": {one['verdict']['summary'].rstrip('.')}",
                matters="nothing could be compared",
                remedy="change what it says, or take other values into the space",
            )
        )


def _estimate(
    trials: list[dict[str, Any]], rungs: list[float], time: dict[str, Any], hardware: Hardware
) -> dict[str, Any]:
    """Add up what is trained and answered until each rung, if the longest trials stay longest."""
    each = time["validation_answers"]["seconds"]
    lengths = [one["seconds"] for one in trials]
    seconds: float | None = 0.0
    if each is None or None in lengths:
        seconds = None
    else:
        first, others = lengths[0], sorted(lengths[1:], reverse=True)
        for before, share in zip([0.0, *rungs], rungs, strict=False):
            alive = [first, *others]
            seconds += sum((share - before) * length + each for length in alive)
            others = others[: count_kept(len(alive))]
    price = hardware.price_per_hour
    cost = None if seconds is None or price is None else round(price * seconds / 3600, 4)
    return {
        "seconds": seconds and round(seconds, 1),
        "cost": cost,
        "currency": hardware.currency,
        "basis": time["training"]["basis"],
    }


def _summarize(
    planned: list[dict[str, Any]],
    fitting: list[dict[str, Any]],
    rungs: list[float],
    time: dict[str, Any],
) -> str:
    long = time["seconds"]
    takes = f"at most about {format_duration(long)}" if long else "for a time that is not known"
    cost = "" if not time["cost"] else f" and {time['cost']:.2f} {time['currency']}"
    shares = ", ".join(f"{share:.0%}" for share in rungs)
    words = (
        f"Sweep: {len(fitting)} trials, compared after {shares} of their steps, {takes}{cost} "
        f"({time['basis']}; loading the model is not counted)."
    )
    if len(fitting) < len(planned):
        names = ", ".join(one["name"] for one in planned if one not in fitting)
        words += f" Not tried, because it does not fit: {names}."
    return words

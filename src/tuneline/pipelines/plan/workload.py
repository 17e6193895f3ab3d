"""What a planned run has to do, in steps, tokens and prompts, and whether the model can."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tuneline.models.architecture import build_empty, find_packing_obstacle
from tuneline.models.batching import plan_steps
from tuneline.models.run_differences import RunInputs
from tuneline.parameters import Evaluation, Hardware, Prompting, Recipe
from tuneline.parameters.evaluation import GENERAL_PROMPTS, GENERAL_TOKENS
from tuneline.pipelines.plan.advice import PlannedRun, list_savings
from tuneline.pipelines.plan.estimates import (
    choose_used,
    describe_context,
    describe_learning_rate,
    describe_overlong,
    describe_tokens,
)
from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory
from tuneline.pipelines.plan.quantization import average_example, measure_pass, measure_slowdown


def plan_training(
    inputs: RunInputs, token_report: pd.DataFrame, recipe: Recipe, hardware: Hardware
) -> dict[str, Any]:
    """Plan a training: its `inputs`, examples, tokens, overlong, steps and learning rate."""
    used = choose_used(token_report, recipe)
    steps = plan_steps(len(used), recipe, hardware)
    return {
        "inputs": inputs,
        "examples": token_report["split"].value_counts().to_dict(),
        "tokens": describe_tokens(used, steps),
        "overlong": describe_overlong(token_report, used, recipe),
        "steps": steps,
        "learning_rate": describe_learning_rate(int(steps["total"]), recipe),
    }


def plan_model(
    config: Any,
    token_report: pd.DataFrame,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> tuple[PlannedRun, dict[str, Any]]:
    """Plan what a training asks of the base model of a `config`.

    Returns:
        The run, and of its plan context, packing, parameters, memory and savings.
    """
    model, used = build_empty(config), choose_used(token_report, recipe)
    size = measure_model(config, recipe, model)
    longest = int(used["tokens"].max()) if len(used) else recipe.max_length
    run = PlannedRun(size, longest, recipe, hardware)
    return run, {
        "context": describe_context(token_report, used, config, model, evaluation),
        "packing": find_packing_obstacle(config, model) if recipe.packing else None,
        "parameters": size.parameters(),
        "memory_gb": predict_memory(size, longest, recipe, hardware),
        "savings": list_savings(run),
    }


@dataclass(frozen=True)
class Workload:
    """What a run has to do.

    Attributes:
        trained: tokens of the training.
        validated: tokens that the validation losses pass forward, of all times together.
        prompts: that all models answer.
        general: those of the retention suite, which base and tuned model answer; one counts by its
            share of the longest answer.
        prompted: how often the base model answers the others besides, with a good prompt.
        shown: tokens of the training examples in these prompts, at most.
        scored: tokens of the examples whose loss is measured, for each model.
        answer: tokens of the longest answer.
        watched: validation prompts, which may be answered while the model is trained.
        watched_answer: tokens of the longest answer to one of them.
        parameters: of the base model.
        speed: of the training, in units of one in 4 bits, which `hardware.teraflops` is of.
        old: adapters that answer next to base and tuned model: the one that is trained further.
    """

    trained: int
    validated: int
    prompts: int
    general: int
    prompted: int
    shown: int
    scored: int
    answer: int
    watched: int
    watched_answer: int
    parameters: int
    speed: float
    old: int = 0


def describe_work(
    plan: dict[str, Any],
    token_report: pd.DataFrame,
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> Workload:
    """Describe what a planned run has to do."""
    splits = token_report.groupby("split")["tokens"]
    tokens, prompts = splits.sum(), plan["evidence"]["prompts"] + len(evaluation.questions)
    prompting = evaluation.prompting
    share = min(1.0, GENERAL_TOKENS / plan["context"]["max_new_tokens"])
    general = math.ceil(GENERAL_PROMPTS * share) if evaluation.retention else 0
    return Workload(
        trained=plan["tokens"]["in_all"],
        validated=int(tokens.get("validation", 0)) * count_validations(plan["steps"], recipe),
        prompts=prompts,
        general=general,
        prompted=(1 + bool(prompting.instruction)) if prompting else 0,
        shown=prompts * _count_shown(splits.mean().get("train", 0.0), prompting),
        scored=int(tokens.get("test", 0)),
        answer=plan["context"]["max_new_tokens"],
        watched=plan["examples"].get("validation", 0),
        watched_answer=find_longest_answer(token_report, plan["context"]["max_new_tokens"]),
        parameters=plan["parameters"]["base"],
        speed=_measure_speed(plan, recipe, hardware),
        old=int("start" in plan["inputs"]),
    )


def find_longest_answer(token_report: pd.DataFrame, limit: int) -> int:
    """Find how many tokens an answer to a validation prompt may have: as the longest reference.

    A `limit` of 0 is none.
    """
    rows = token_report[token_report["split"] == "validation"]
    longest = int(rows["completion_tokens"].max()) if len(rows) else limit
    return min(limit, longest) if limit else longest


def _measure_speed(plan: dict[str, Any], recipe: Recipe, hardware: Hardware) -> float:
    if recipe.quantization is not None:
        return 1.0
    tokens = measure_pass(average_example(plan), recipe, hardware)
    return measure_slowdown(plan["parameters"]["base"], tokens, hardware)


def _count_shown(example: float, prompting: Prompting | None) -> int:
    """Count the tokens of the examples in one prompt."""
    return min(round(example * prompting.shots), prompting.max_tokens) if prompting else 0


def count_validations(steps: dict[str, Any], recipe: Recipe) -> int:
    """Count how often the validation loss is measured: before, after each epoch, and as stated."""
    stated = recipe.model_extra or {}
    total, epochs = int(steps["total"]), math.ceil(float(steps["epochs"]))
    if stated.get("eval_strategy") != "steps":
        return 1 + epochs
    stated_steps = float(stated.get("eval_steps") or stated.get("logging_steps") or total)
    every = math.ceil(stated_steps * total) if stated_steps < 1 else int(stated_steps)
    return 1 + epochs + total // max(1, every)

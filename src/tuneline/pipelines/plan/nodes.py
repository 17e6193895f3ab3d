"""Nodes of the plan stage. They load the base model's config and tokenizer.

Its weights are loaded by the probe and for replay, where these are wanted.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from types import MappingProxyType
from typing import Any

import pandas as pd

from tuneline.examples import Example
from tuneline.models.architecture import is_stored_in_4_bits
from tuneline.models.chat_template import describe_template
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.loading import load_model_config
from tuneline.models.run_differences import RunInputs, name_run
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.plan.advice import list_warnings
from tuneline.pipelines.plan.best_checkpoint import plan_best_checkpoint
from tuneline.pipelines.plan.cross_fitting import add_folds
from tuneline.pipelines.plan.earlier_runs import ScoreVersions, find_earlier_runs
from tuneline.pipelines.plan.estimates import describe_resolved, measure_disks, plan_disk
from tuneline.pipelines.plan.evidence import describe_evidence
from tuneline.pipelines.plan.machine_rules import describe_sharding
from tuneline.pipelines.plan.plan_page import judge, render_masks
from tuneline.pipelines.plan.quantization import describe_quantization
from tuneline.pipelines.plan.run_card import write_card
from tuneline.pipelines.plan.timing import estimate_time
from tuneline.pipelines.plan.token_counts import count_tokens
from tuneline.pipelines.plan.workload import describe_work, plan_model, plan_training
from tuneline.reporting.pages import count
from tuneline.training.best_checkpoint import read_fixed

log = logging.getLogger(__name__)

MASKED_EXAMPLES = 5
# The time before a message.
TIME_WIDTH = 10


def make_plan(
    token_report: pd.DataFrame,
    train: list[Example],
    validation: list[Example],
    test: list[Example],
    checkpoints: Path,
    adapter_folder: Path,
    training_records: list[dict[str, Any]],
    score_versions: ScoreVersions,
    recipe: Recipe,
    prompt: Prompt,
    evaluation: Evaluation,
    hardware: Hardware,
    replay: Sequence[Example] = (),
    recipe_choices: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Work the run out before it starts.

    Examples are measured for speed. What chooses the released checkpoint of a run that has started
    is read in the folder `checkpoints`.

    Returns:
        The `inputs` it was made for, as `describe_inputs` gives them; examples, tokens, overlong,
        context, steps, learning rate, what was `chosen` and `stated`, parameters, memory in GB by
        component with what changes would save, how the model lies on several GPUs (`sharding`),
        disk; `resolved` settings; what the chat template
        does by itself and meets in the texts; `warnings`; the verdict that `train` obeys; `time`
        and cost, those of a base model in 4 bits and of one that is not quantized
        (`quantization`), and the `evidence` that the test prompts can give; `best_checkpoint` and
        `cross_fit`, as `plan_best_checkpoint` and `add_folds` give them.
    """
    config, tokenizer = load_model_config(recipe), load_tokenizer(recipe)
    adapters = 1 + (evaluation.cross_fit or 0)
    inputs = describe_inputs(train, validation, tokenizer, recipe, hardware, replay)
    run, asked = plan_model(config, token_report, recipe, evaluation, hardware)
    size, longest = run.size, run.longest
    plan: dict[str, Any] = {
        **plan_training(inputs, token_report, recipe, hardware),
        **asked,
        "resolved": describe_resolved(recipe, hardware, config)
        | _describe_start(recipe, inputs)
        | _describe_replay(replay),
        "chosen": list(recipe_choices.get("chosen", [])),
        "stated": list(recipe_choices.get("stated", [])),
        "adapter_megabytes": round(size.trainable * 4 / 1e6, 2),
        "sharding": describe_sharding(size, longest, recipe, hardware),
        "disk": plan_disk(size, recipe, measure_disks(checkpoints, adapter_folder), adapters),
        "chat_template": [*describe_template(tokenizer), *_describe_typed(token_report)],
    }
    plan["warnings"] = list(list_warnings(plan, recipe))
    plan["verdict"] = judge(plan)
    plan["evidence"] = describe_evidence(test, score_versions, prompt, evaluation)
    earlier = find_earlier_runs(
        training_records, score_versions, plan["inputs"], evaluation, hardware
    )
    work = describe_work(plan, token_report, recipe, evaluation, hardware)
    plan["time"] = estimate_time(plan, work, earlier, (train, test), recipe, evaluation, hardware)
    plan["quantization"] = describe_quantization(
        plan, size, longest, training_records, recipe, hardware, is_stored_in_4_bits(config)
    )
    fixed = read_fixed(checkpoints / name_run(inputs))
    plan = plan_best_checkpoint(plan, token_report, recipe, evaluation, fixed)
    plan = add_folds(plan, evaluation, recipe, hardware)
    for sentence in plan["chat_template"]:
        log.warning("Chat template: %s", sentence)
    for line in write_card(plan, get_terminal_size().columns - TIME_WIDTH):
        log.info("%s", line)
    return plan


def plan_folds(
    plan: dict[str, Any],
    recipe: Recipe,
    hardware: Hardware,
    replay: list[Example],
    *examples: list[Example],
) -> list[dict[str, Any]]:
    """Plan the trainings that measure the recipe.

    Memory and verdict are the released adapter's: no fold has a longer example.
    `examples` are training and validation split of each fold, one fold after the other.
    """
    tokenizer = load_tokenizer(recipe)
    plans = []
    for train, validation in zip(examples[::2], examples[1::2], strict=True):
        inputs = describe_inputs(train, validation, tokenizer, recipe, hardware, replay)
        report = count_tokens(train, validation, [], recipe, replay)
        plans.append(plan | plan_training(inputs, report, recipe, hardware))
    return plans


def _describe_start(recipe: Recipe, inputs: RunInputs) -> dict[str, str]:
    start = inputs.get("start")
    if not start:
        return {}
    before = len(start["ancestors"])
    more = f", which goes back to {count(before, 'more adapter')}" if before else ""
    return {"start": f"the adapter {start['adapter'][:12]} in {recipe.start_from}{more}"}


def _describe_replay(replay: Sequence[Example]) -> dict[str, str]:
    found = f"{count(len(replay), 'answer')} of the base model's own, among the training examples"
    return {"replay": found} if replay else {}


def _describe_typed(token_report: pd.DataFrame) -> list[str]:
    """Say which examples spell out control tokens: few people mean to, and the model reads text."""
    typed = token_report[token_report["control_tokens"].fillna("") != ""]
    if typed.empty:
        return []
    first = typed.iloc[0]
    examples = "1 example spells" if len(typed) == 1 else f"{len(typed):,} examples spell"
    return [
        f"{examples} out control tokens of the base model (example {first['id']}: "
        f"{first['control_tokens']}); they are read and learned as text, and end or open nothing."
    ]


def preview_masks(train: list[Example], recipe: Recipe) -> str:
    """Show of a few examples which tokens are trained."""
    return render_masks(load_tokenizer(recipe), train[:MASKED_EXAMPLES])

"""The node that chooses what the recipe leaves to the plan, once for the same examples."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.models.architecture import (
    build_empty,
    is_stored_in_4_bits,
    measure_context,
    name_blocks,
)
from tuneline.models.batching import count_at_once, find_batch_problem
from tuneline.models.loading import identify_base, load_model_config
from tuneline.models.rendering import render_all
from tuneline.models.run_differences import WATCHING_KEYS
from tuneline.models.start_adapter import read_shape
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe, StatedRecipe
from tuneline.parameters.base import AUTO
from tuneline.parameters.chosen import PLACEHOLDERS, UNPLANNED
from tuneline.parameters.sweep import find_value
from tuneline.pipelines.plan.choices import Choice, Situation
from tuneline.pipelines.plan.machine_rules import choose_machine
from tuneline.pipelines.plan.memory_estimate import measure_model
from tuneline.pipelines.plan.recipe_rules import choose_values
from tuneline.training.sharding_limits import find_sharding_problems
from tuneline.utils.hashing import hash_value

log = logging.getLogger(__name__)

BITS, MACHINE = "quantization", "hardware."


def choose_recipe(
    train: list[Example],
    validation: list[Example],
    earlier_choices: dict[str, Any],
    recipe: StatedRecipe,
    hardware: Hardware,
) -> tuple[Recipe, Hardware, dict[str, Any]]:
    """Choose what is left to the plan, or keep what was chosen for the same before.

    A run that goes on must go on with the recipe it began with, on another machine, too, and with
    a later version's rules.

    Returns:
        Recipe and machine with every value; what was chosen now (`chosen`, a `key`, `value`,
        `reason` and `source` for each); what is `stated` (the same, with the `auto` that would be
        chosen for it); and what was chosen at any time (`choices`, this one last, each with its
        `base_model`, a `fingerprint` of what it was made for, its `values` by key, its `chosen`
        keys of the recipe, and those of the `hardware`).

    Raises:
        TunelineError: if a batch that was chosen before does not suit this machine, or a model that
            has to be divided cannot be trained by this recipe.
    """
    earlier = list(earlier_choices.get("choices", []))
    fingerprint = _fingerprint(train, validation, recipe)
    kept = next((one for one in reversed(earlier) if one["fingerprint"] == fingerprint), None)
    found = describe_situation(_count(train, validation, recipe), recipe, hardware)
    by_rule = choose_values(recipe, found, hardware)
    chosen = _keep(by_rule, kept) if kept else _choose(by_rule, recipe)
    settled = recipe.settle({one.key: one.value for one in chosen})
    # What was chosen on another machine may not be divided among the processes of this one.
    problems = list(find_batch_problem(settled, hardware, "recipe.global_batch_size"))
    if problems:
        raise TunelineError(*problems)
    longest = min(settled.max_length, int(found.tokens["tokens"].max()))
    config = load_model_config(settled)
    model = build_empty(config)
    blocks = name_blocks(model)
    size = measure_model(config, settled, model)
    machine, on_machine = choose_machine(size, longest, settled, hardware, blocks)
    problems = list(find_sharding_problems("recipe", settled, machine, blocks))
    if problems:
        raise TunelineError(*problems)
    left = [*chosen, *(one for one in on_machine if _read_machine(hardware, one.key) == AUTO)]
    now = {
        "chosen": [asdict(one) for one in left],
        "stated": list(_list_stated([*by_rule, *on_machine], settled, machine, left)),
    }
    if not left:
        return settled, machine, {**now, "choices": earlier}
    choice = {
        "base_model": recipe.base_model,
        "fingerprint": fingerprint,
        "values": {one.key: one.value for one in chosen},
        "hardware": {key: getattr(machine, key) for key in UNPLANNED},
        # Weights that do not fit here are in 4 bits here alone, not back on the first machine.
        "chosen": kept["chosen"] if kept else [asdict(one) for one in chosen],
    }
    others = [one for one in earlier if one["fingerprint"] != fingerprint]
    return settled, machine, {**now, "choices": [*others, choice]}


def describe_situation(
    token_report: pd.DataFrame, recipe: StatedRecipe | Recipe, hardware: Hardware
) -> Situation:
    """Describe what the rules go by."""
    probe = _fill(recipe)
    config = load_model_config(probe)
    train = token_report[token_report["split"] == "train"]
    watching = token_report.loc[token_report["split"] == "validation", "tokens"]
    return Situation(
        tokens=train,
        longest_watching=int(watching.max()) if len(watching) else 0,
        model_type=str(config.get_text_config().model_type),
        context=measure_context(config),
        size=measure_model(config, probe),
        rank=int(probe.lora["r"]),
        at_once=count_at_once(probe, hardware),
        is_in_4_bits=is_stored_in_4_bits(config),
        start=read_shape(recipe.start_from),
    )


def _fill(recipe: StatedRecipe | Recipe) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    return recipe.settle({**PLACEHOLDERS, "global_batch_size": 1, **read_shape(recipe.start_from)})


def _choose(by_rule: list[Choice], recipe: StatedRecipe) -> list[Choice]:
    left = {*recipe.list_auto()}
    chosen = [one for one in by_rule if one.key in left]
    for one in chosen:
        log.info("recipe.%s: %s (auto). %s", one.key, one.value, one.reason)
    return chosen


def _keep(by_rule: list[Choice], kept: dict[str, Any]) -> list[Choice]:
    """Keep what was chosen before; weights that do not fit this machine are in 4 bits here."""
    chosen = [Choice(**one) for one in kept["chosen"]]
    here = next(one for one in by_rule if one.key == BITS)
    return [here if one.key == BITS and here.value and not one.value else one for one in chosen]


def _read_machine(hardware: Hardware, key: str) -> Any:
    return getattr(hardware, key.removeprefix(MACHINE))


def _list_stated(
    by_rule: list[Choice], recipe: Recipe, hardware: Hardware, chosen: list[Choice]
) -> Iterator[dict[str, Any]]:
    """List what is stated, next to what `auto` would have become."""
    keys = {one.key for one in chosen}
    for one in by_rule:
        if one.key not in keys:
            on_machine = one.key.startswith(MACHINE)
            stated = _read_machine(hardware, one.key) if on_machine else find_value(recipe, one.key)
            yield asdict(one) | {"value": stated, "auto": one.value}


def _count(train: list[Example], validation: list[Example], recipe: StatedRecipe) -> pd.DataFrame:
    tokenizer = load_tokenizer(_fill(recipe))
    splits = {"train": train, "validation": validation}
    return pd.DataFrame(
        {
            "split": split,
            "tokens": len(one.ids),
            "completion_tokens": len(one.ids) - one.prompt_length,
        }
        for split, examples in splits.items()
        for one in render_all(tokenizer, examples)
    )


def _fingerprint(
    train: Sequence[Example], validation: Sequence[Example], recipe: StatedRecipe
) -> str:
    """Fingerprint what a choice is made for: not the machine, and not how a run is watched."""
    filled = _fill(recipe)
    base: Mapping[str, str] = identify_base(filled.base_model, filled.revision)
    # How many examples may be left out changes no adapter by itself, but the length that is chosen.
    watching = WATCHING_KEYS - {"max_overlong_fraction"}
    stated = {key: one for key, one in recipe.model_dump().items() if key not in watching}
    weights = base.get("sha256") or dict(base)
    examples = {"train": train, "validation": validation}
    return hash_value({"recipe": stated, "weights": weights, **examples})

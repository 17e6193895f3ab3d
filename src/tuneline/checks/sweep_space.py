"""Checks what a sweep would try: keys and values that the recipe and its libraries take."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import ValidationError

from tuneline.checks.library_keys import RESERVED, find_problems, list_known
from tuneline.checks.recipes import preview_recipe
from tuneline.checks.start_from import find_start_from_problems
from tuneline.errors import Problem, suggest
from tuneline.parameters import Evaluation, Prompt, Recipe, Sweep
from tuneline.parameters.sweep import FEWEST_TRIALS, apply_values, list_trials

# Next to those of LoraConfig, the keys that an adapter to start from has settled.
SAME_AS_START = ("base_model", "revision", "chat_template_path")


def find_sweep_problems(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Find what is wrong with the space of every sweep that a run makes."""
    for name in sorted(name for name in pipeline.inputs() if name.endswith(".sweep")):
        use_case = name.removeprefix("params:").removesuffix(".sweep")
        sweep = Sweep.model_validate(catalog.load(name))
        recipe = preview_recipe(catalog, use_case, chosen=True)
        evaluation = Evaluation.model_validate(catalog.load(f"params:{use_case}.evaluation"))
        unknown = list(_find_unknown(use_case, sweep))
        yield from unknown
        if unknown:
            continue
        refused = list(_find_refused(use_case, sweep, recipe, evaluation))
        if recipe.start_from and not refused:
            prompt = Prompt.model_validate(catalog.load(f"params:{use_case}.prompt"))
            refused = list(find_other_starts(use_case, sweep, recipe, prompt))
        yield from refused
        if sweep.space and not refused and len(list_trials(recipe, sweep)) < FEWEST_TRIALS:
            yield Problem(
                where=f"{use_case}.sweep.space",
                value=sweep.space,
                wrong="it holds only what the recipe states already",
                matters="one trial compares nothing",
                remedy="list other values, or leave the space out",
            )


def _find_unknown(use_case: str, sweep: Sweep) -> Iterator[Problem]:
    known = list_known()
    for key in sorted(sweep.space):
        if key in known:
            continue
        why = RESERVED.get(key)
        yield Problem(
            where=f"{use_case}.sweep.space.{key}",
            value=sweep.space[key],
            wrong=why.split("; ")[0] if why else "the recipe has no such key",
            matters="every trial would train the same",
            remedy=why.split("; ")[1] if why else suggest(key, known),
        )


def _find_refused(
    use_case: str, sweep: Sweep, recipe: Recipe, evaluation: Evaluation
) -> Iterator[Problem]:
    """Try each value by itself on top of the recipe."""
    for key, values in sorted(sweep.space.items()):
        for value in values:
            yield from _try(f"{use_case}.sweep.space.{key}", key, value, recipe, evaluation)


def find_other_starts(
    use_case: str, sweep: Sweep, recipe: Recipe, prompt: Prompt
) -> Iterator[Problem]:
    """Find the values with which a trial could not go on from the recipe's adapter."""
    for key, values in sorted(sweep.space.items()):
        if key.startswith("lora.") or key in SAME_AS_START:
            for value in values:
                changed = apply_values(recipe, {key: value})
                problem = next(find_start_from_problems(use_case, changed, prompt, []), None)
                if problem:
                    yield replace(
                        problem,
                        where=f"{use_case}.sweep.space.{key}",
                        value=value,
                        remedy="leave it out of the space, or sweep without start_from",
                    )


def _try(
    where: str, key: str, value: Any, recipe: Recipe, evaluation: Evaluation
) -> Iterator[Problem]:
    try:
        changed = apply_values(recipe, {key: value})
    except ValidationError as error:
        wrong = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        yield Problem(
            where=where,
            value=value,
            wrong=(wrong[0].lower() + wrong[1:]).split(";")[0],
            matters="the trial could not be trained",
            remedy="correct the value",
        )
        return
    before = {str(one) for one in find_problems("", recipe, evaluation)}
    for problem in find_problems("", changed, evaluation):
        if str(problem) not in before:
            yield replace(problem, where=where, value=value)

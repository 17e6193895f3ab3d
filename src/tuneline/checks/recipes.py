"""The recipe of a run: as it is stated, and with what the plan has chosen for `auto`."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from tuneline.errors import Problem, TunelineError
from tuneline.models.batching import count_at_once
from tuneline.models.loading import load_model_config
from tuneline.models.start_adapter import read_shape
from tuneline.parameters import Hardware, Recipe, StatedRecipe
from tuneline.parameters.base import AUTO
from tuneline.parameters.chosen import PLACEHOLDERS, settle_hardware, settle_last
from tuneline.use_cases import MAIN_USE_CASE

RECIPE, HARDWARE = ".recipe", ".hardware"


def list_recipes(names: set[str]) -> list[str]:
    """List the use cases whose recipe is among the inputs of a run or of its nodes."""
    found = {name.removeprefix("params:") for name in names if name.endswith(RECIPE)}
    return sorted(name.removesuffix(RECIPE) for name in found)


def read_stated(catalog: DataCatalog, use_case: str) -> StatedRecipe:
    """Read the recipe of a use case as YAML states it."""
    # Kedro makes models only of the blocks that the nodes at hand take; others are still plain.
    return StatedRecipe.model_validate(_make_plain(catalog.load(f"params:{use_case}{RECIPE}")))


def read_hardware(catalog: DataCatalog) -> Hardware:
    """Read the machine as YAML states it."""
    return Hardware.model_validate(_make_plain(catalog.load("params:hardware")))


def _make_plain(block: Any) -> Any:
    return block.model_dump() if isinstance(block, BaseModel) else block


def load_recipe(catalog: DataCatalog, use_case: str) -> Recipe:
    """Load a recipe with what the plan has chosen.

    Raises:
        TunelineError: if a value is left to the plan, which has not chosen it.
    """
    stage = "plan" if use_case == MAIN_USE_CASE else f"{use_case}.plan"
    return settle_last(
        read_stated(catalog, use_case),
        catalog.load(f"{use_case}.earlier_choices"),
        f"{use_case}.recipe",
        f"run `kedro run --pipeline={stage}` first, with the same --env",
    )


def preview_recipe(catalog: DataCatalog, use_case: str, chosen: bool = False) -> Recipe:
    """Give a recipe to be checked before anything runs, whether or not the plan has chosen.

    What is left to the plan has a value that fits any base model; with `chosen`, the one that an
    earlier plan has chosen.
    """
    with suppress(TunelineError):
        if chosen:
            return load_recipe(catalog, use_case)
    stated = read_stated(catalog, use_case)
    values = {**PLACEHOLDERS, "global_batch_size": 1}
    with suppress(TunelineError):  # it is named where the adapter is checked
        values |= read_shape(stated.start_from)
    at_once = count_at_once(stated.settle(values), read_hardware(catalog))
    return stated.settle({**values, "global_batch_size": at_once})


def find_unknown_width(use_case: str, stated: StatedRecipe, recipe: Recipe) -> Iterator[Problem]:
    """Find out whether the rules for `auto` know what they go by: the width of the base model."""
    left = stated.list_auto()
    if not left:
        return
    config = load_model_config(recipe).get_text_config()
    if getattr(config, "hidden_size", None) is None:
        yield Problem(
            where=f"{use_case}.recipe.{left[0]}",
            value=AUTO,
            wrong=f"the config of {recipe.base_model} ({config.model_type}) states no hidden_size",
            matters="the rules for it were measured on models whose width is known",
            remedy=f"state {', '.join(left)}, or take another base model",
        )


def settle_inputs(pipeline: Pipeline, catalog: DataCatalog) -> Iterator[Problem]:
    """Put what an earlier plan chose into the catalog of stages that are run without the plan.

    Stated values count, those of the command line among them, so that the recipe is made anew for
    each run.
    """
    inputs = pipeline.inputs()
    for use_case in list_recipes({name for name in inputs if not name.startswith("params:")}):
        try:
            catalog[f"{use_case}{RECIPE}"] = load_recipe(catalog, use_case)
        except TunelineError as error:
            yield from error.problems
    for name in sorted(inputs):
        if name.endswith(HARDWARE) and not name.startswith("params:"):
            choices = catalog.load(f"{name.removesuffix(HARDWARE)}.earlier_choices")
            catalog[name] = settle_hardware(read_hardware(catalog), choices)


def is_settled(name: str) -> bool:
    """Tell whether a dataset is made by `settle_inputs`, and need not be on the disk."""
    return name.endswith((RECIPE, HARDWARE)) and not name.startswith("params:")

from pathlib import Path
from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from tests.conftest import CPU, PROJECT, TINY_BASE
from tuneline.checks import recipes
from tuneline.checks.recipes import find_unknown_width, settle_inputs
from tuneline.parameters import StatedRecipe
from tuneline.parameters.chosen import PLACEHOLDERS

BASE = str(PROJECT / TINY_BASE)
STAGE = Pipeline([Node(lambda *_: 1, ["mine.recipe", "mine.hardware"], "made", name="train")])


def make_catalog(stated: dict, choices: dict) -> DataCatalog:
    values = {
        "params:mine.recipe": {"base_model": BASE, **stated},
        "params:hardware": CPU.model_dump() | {"gradient_checkpointing": "auto"},
        "mine.earlier_choices": choices,
    }
    return DataCatalog({name: MemoryDataset(value) for name, value in values.items()})


def make_choices(**values: object) -> dict:
    chosen = {**PLACEHOLDERS, "global_batch_size": 4, **values}
    hardware = {"gradient_checkpointing": False}
    return {"choices": [{"base_model": BASE, "values": chosen, "hardware": hardware}]}


def test_a_stage_alone_has_what_the_plan_has_chosen_and_what_is_stated_now():
    catalog = make_catalog({"learning_rate": 0.01}, make_choices(num_train_epochs=7))
    assert list(settle_inputs(STAGE, catalog)) == []
    recipe = catalog.load("mine.recipe")
    assert (recipe.learning_rate, recipe.num_train_epochs) == (0.01, 7)
    assert catalog.load("mine.hardware").gradient_checkpointing is False


def test_what_was_chosen_for_another_base_model_does_not_count():
    choices = make_choices()
    choices["choices"][0]["base_model"] = "other"
    (problem,) = map(str, settle_inputs(STAGE, make_catalog({}, choices)))
    assert problem.startswith("mine.recipe.")
    assert " = auto: the plan has not chosen it yet for this base model; " in problem
    assert "run `kedro run --pipeline=mine.plan` first" in problem


def test_a_base_model_that_the_rules_cannot_measure_is_named(monkeypatch: pytest.MonkeyPatch):
    config = SimpleNamespace(model_type="odd", get_text_config=lambda: config)
    monkeypatch.setattr(recipes, "load_model_config", lambda _: config)
    stated = StatedRecipe(base_model=str(Path("odd")), learning_rate=1e-4)
    recipe = stated.settle({**PLACEHOLDERS, "global_batch_size": 1})
    (problem,) = map(str, find_unknown_width("mine", stated, recipe))
    assert problem.startswith("mine.recipe.quantization = auto: the config of odd (odd) states no")
    assert "learning_rate" not in problem
    whole = StatedRecipe.model_validate(recipe.model_dump())
    assert list(find_unknown_width("mine", whole, recipe)) == []

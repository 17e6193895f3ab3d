import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CPU, PROJECT, TINY_BASE
from tests.training.small_runs import make_examples
from tuneline.errors import TunelineError
from tuneline.parameters import StatedRecipe
from tuneline.parameters.chosen import FOUR_BITS, settle_hardware, settle_last
from tuneline.pipelines.plan.recipe_choice import choose_recipe
from tuneline.utils.hashing import write_sealed

RECIPE = StatedRecipe(base_model=str(PROJECT / TINY_BASE))
EXAMPLES = make_examples(16), make_examples(4)


def settle(stated: StatedRecipe, choices: dict) -> object:
    return settle_last(stated, choices, "pots.recipe", "run the plan")


def test_everything_is_chosen_and_a_later_stage_finds_it():
    hardware = CPU.model_copy(update={"gradient_checkpointing": "auto"})
    recipe, machine, choices = choose_recipe(*EXAMPLES, {}, RECIPE, hardware)
    assert recipe.num_train_epochs == 25
    assert recipe.quantization is None
    assert recipe.lora == {"r": 16, "lora_alpha": 32, "target_modules": "all-linear"}
    assert machine.gradient_checkpointing is False
    keys = {one["key"] for one in choices["chosen"]}
    assert keys == {*RECIPE.list_auto(), "hardware.gradient_checkpointing"}
    assert settle(RECIPE, choices) == recipe
    assert settle_hardware(hardware, choices) == machine
    stated = RECIPE.model_copy(update={"learning_rate": 1e-4})
    assert settle(stated, choices) == recipe.model_copy(update={"learning_rate": 1e-4})


def test_what_was_chosen_stays_whatever_machine_and_rules(monkeypatch: pytest.MonkeyPatch):
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, RECIPE, CPU)
    monkeypatch.setattr("tuneline.pipelines.plan.recipe_rules.FULL_RATE", 1e-5)
    small = CPU.model_copy(update={"memory_gb": 2.0, "processes": 2})
    same, _, again = choose_recipe(*EXAMPLES, choices, RECIPE, small)
    assert (same, again["choices"]) == (recipe, choices["choices"])
    watched = RECIPE.model_copy(update={"base_model": RECIPE.base_model, "logging_steps": 1})
    assert choose_recipe(*EXAMPLES, choices, watched, CPU)[0].learning_rate == recipe.learning_rate


def test_weights_that_do_not_fit_elsewhere_stay_as_chosen_on_the_first_machine():
    _, _, choices = choose_recipe(*EXAMPLES, {}, RECIPE, CPU)
    small = CPU.model_copy(update={"memory_gb": 0.5})
    there, _, choices = choose_recipe(*EXAMPLES, choices, RECIPE, small)
    assert there.quantization is not None
    assert settle(RECIPE, choices) == there
    assert choose_recipe(*EXAMPLES, choices, RECIPE, CPU)[0].quantization is None


def test_a_batch_that_another_machine_cannot_divide_is_refused():
    _, _, choices = choose_recipe(*EXAMPLES, {}, RECIPE, CPU)
    three = CPU.model_copy(update={"processes": 3})
    with pytest.raises(TunelineError, match="global_batch_size = 4: it is no multiple of hardwa"):
        choose_recipe(*EXAMPLES, choices, RECIPE, three)


def test_other_examples_or_values_are_another_choice_and_the_first_is_not_lost():
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, RECIPE, CPU)
    others = make_examples(40), EXAMPLES[1]
    changed, _, more = choose_recipe(*others, choices, RECIPE, CPU)
    assert changed.num_train_epochs == 10
    assert len(more["choices"]) == 2
    assert settle(RECIPE, more) == changed
    again, _, last = choose_recipe(*EXAMPLES, more, RECIPE, CPU)
    assert again == recipe
    assert len(last["choices"]) == 2


def test_a_recipe_that_states_everything_is_left_as_it_is():
    stated = StatedRecipe.model_validate(choose_recipe(*EXAMPLES, {}, RECIPE, CPU)[0].model_dump())
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, stated, CPU)
    assert recipe.model_dump() == stated.model_dump()
    assert (choices["chosen"], choices["choices"]) == ([], [])
    assert all(one["value"] == one["auto"] for one in choices["stated"])


def test_a_stated_value_counts_and_the_plan_tells_what_auto_would_be():
    stated = RECIPE.model_copy(update={"learning_rate": 1e-4})
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, stated, CPU)
    rate, checkpointing = choices["stated"]
    assert recipe.learning_rate == rate["value"] == 1e-4
    assert rate["auto"] == choose_recipe(*EXAMPLES, {}, RECIPE, CPU)[0].learning_rate
    assert rate["reason"]
    assert checkpointing["key"] == "hardware.gradient_checkpointing"


def test_what_goes_on_from_an_adapter_has_its_rank_alpha_and_layers(tmp_path: Path):
    shape = {"r": 4, "lora_alpha": 7, "target_modules": ["q_proj", "v_proj"]}
    (tmp_path / "adapter_config.json").write_text(json.dumps(shape))
    (tmp_path / "adapter_model.safetensors").touch()
    stated = RECIPE.model_copy(update={"start_from": str(tmp_path)})
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, stated, CPU)
    assert recipe.lora == shape
    reasons = {one["key"]: one["reason"] for one in choices["chosen"]}
    assert "adapter that the training starts from" in reasons["lora.r"]


@pytest.mark.parametrize("quantization", [None, FOUR_BITS])
def test_what_goes_on_from_an_adapter_stays_on_weights_stored_as_its_were(
    tmp_path: Path, quantization: dict[str, Any] | None
):
    (tmp_path / "adapter_config.json").write_text('{"r": 4}')
    (tmp_path / "adapter_model.safetensors").touch()
    settings = {"recipe": {"settings": {"quantization": quantization}}}
    write_sealed(tmp_path / "provenance.json", settings)
    stated = RECIPE.model_copy(update={"start_from": str(tmp_path)})
    recipe, _, choices = choose_recipe(*EXAMPLES, {}, stated, CPU)
    assert recipe.quantization == quantization
    chosen = next(one for one in choices["chosen"] if one["key"] == "quantization")
    assert "was trained on weights stored so" in chosen["reason"]


def test_a_stage_before_any_plan_is_told_to_make_one():
    with pytest.raises(TunelineError, match=r"pots\.recipe\.\w+ = auto: the plan has not chosen"):
        settle(RECIPE, {})


@given(st.sets(st.sampled_from(["learning_rate", "num_train_epochs", "max_length"])))
def test_auto_and_stated_values_mix(keys: set[str]):
    chosen = {key: 7 if key == "max_length" else 0.5 for key in keys}
    stated = StatedRecipe.model_validate({"base_model": "any", **chosen})
    assert {*stated.list_auto()}.isdisjoint(keys)
    assert stated.fill({}).items() >= chosen.items()

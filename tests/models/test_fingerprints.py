import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.examples import hash_templates
from tuneline.models.adapted_model import load_tuned
from tuneline.models.fingerprints import (
    describe_generation,
    describe_inputs,
    find_changes,
    find_incompatibilities,
    read_inputs,
)
from tuneline.models.run_differences import (
    RunInputs,
    counts_for_plan,
    counts_for_run,
    find_differences,
    name_run,
)
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe

pytestmark = pytest.mark.slow


def test_a_base_model_whose_folder_has_moved_is_the_same(recipe: Recipe, tmp_path: Path):
    adapter = make_adapter(recipe, CPU, effect=False)
    moved = shutil.copytree(recipe.base_model, tmp_path / "moved")
    there = recipe.model_copy(update={"base_model": str(moved)})
    assert list(find_incompatibilities(adapter, there)) == []


@pytest.mark.parametrize(
    ("name", "changed", "is_other"),
    [
        ("config.json", {"rms_norm_eps": 0.5}, True),
        ("generation_config.json", {"top_k": 3}, False),
    ],
)
def test_of_a_changed_file_of_the_base_the_answers_are_made_again(
    recipe: Recipe, tmp_path: Path, name: str, changed: dict, is_other: bool
):
    folder = shutil.copytree(recipe.base_model, tmp_path / "base")
    there = recipe.model_copy(update={"base_model": str(folder)})
    adapter = make_adapter(there, CPU, effect=False)
    decoding = Evaluation(title="Tea", generation={})
    before = describe_generation(adapter, there, decoding, CPU)
    settings = json.loads((folder / name).read_text("utf-8"))
    (folder / name).write_text(json.dumps(settings | changed), "utf-8")
    here = make_adapter(there, CPU, effect=False)
    assert describe_generation(here, there, decoding, CPU)["base"] != before["base"]
    assert bool(list(find_incompatibilities(adapter, there))) == is_other


def test_another_base_model_is_named_with_what_tells_it_apart(recipe: Recipe):
    adapter = make_adapter(recipe, CPU, effect=False)
    weights = adapter.provenance["base"]["sha256"][:12]
    adapter.provenance["base"] = {"name": "someone/else", "commit": "abc"}
    (problem,) = find_incompatibilities(adapter, recipe)
    assert problem.value == f"{recipe.base_model} (weights {weights})"
    assert problem.wrong == "the adapter was trained on someone/else (commit abc)"


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        ({"bnb_4bit_quant_type": "fp4"}, False),
        ({"bnb_4bit_use_double_quant": False}, False),
        ({"llm_int8_skip_modules": ["lm_head", "down_proj"]}, False),
        ({"bnb_4bit_compute_dtype": "bfloat16"}, True),  # decides how, not with which weights
    ],
)
def test_other_4_bit_weights_of_the_same_base_model(recipe: Recipe, changed: dict, is_same: bool):
    adapter = make_adapter(recipe, CPU, effect=False)
    other = recipe.model_copy(update={"quantization": recipe.quantization | changed})
    problems = list(find_incompatibilities(adapter, other))
    assert [one.where for one in problems] == ["recipe.quantization"] * (not is_same)
    adapter.provenance["recipe"]["settings"]["quantization"] = other.quantization
    assert list(find_incompatibilities(adapter, other)) == []


def test_another_number_format_than_that_of_the_training_is_said(
    recipe: Recipe, caplog: pytest.LogCaptureFixture
):
    adapter = make_adapter(recipe, CPU, effect=False)
    with caplog.at_level("INFO"):
        load_tuned(adapter, recipe, CPU)
        assert "was trained in" not in caplog.text
        adapter.provenance["hardware"] = {"name": "an L4", "dtype": "bfloat16"}
        load_tuned(adapter, recipe, CPU)
    assert "was trained in bfloat16 (an L4), and test CPU computes in float32" in caplog.text


def describe(recipe: Recipe, hardware: Hardware = CPU, templates: str = "a") -> RunInputs:
    example: Any = {"id": "1", "prompt": [], "completion": [], "meta": {"templates": templates}}
    return describe_inputs([example], [], load_tokenizer(recipe), recipe, hardware)


def name_differences(one: RunInputs, other: RunInputs, counts: Callable[[str], bool]) -> list[str]:
    return [found.name for found in find_differences(one, other, counts)]


def test_inputs_are_the_same_after_their_file(recipe: Recipe):
    inputs = describe(recipe)
    read = json.loads(json.dumps(inputs))
    assert read == inputs
    assert name_run(read) == name_run(inputs)
    assert name_differences(read, inputs, lambda name: True) == []


@pytest.mark.parametrize(
    ("changed", "of_plan", "of_run"),
    [
        ({"learning_rate": 1e-5}, [], ["recipe.learning_rate"]),
        ({"lora": {"r": 2}}, ["recipe.lora"], ["recipe.lora"]),
        ({"save_steps": 7}, [], []),
        ({"max_overlong_fraction": 0.5}, ["recipe.max_overlong_fraction"], []),
    ],
)
def test_a_plan_and_a_run_depend_on_different_keys_of_the_recipe(
    recipe: Recipe, changed: dict, of_plan: list[str], of_run: list[str]
):
    before = describe(recipe)
    after = describe(Recipe.model_validate({**recipe.model_dump(), **changed}))
    assert name_differences(before, after, counts_for_plan) == of_plan
    assert name_differences(before, after, counts_for_run) == of_run
    assert (name_run(before) == name_run(after)) == (of_run == [])


def test_another_machine_needs_another_plan_and_goes_on_with_the_run(recipe: Recipe):
    before, after = describe(recipe), describe(recipe, CPU.model_copy(update={"memory_gb": 9}))
    (difference,) = find_differences(before, after, counts_for_plan)
    assert (difference.name, difference.recorded, difference.now) == ("hardware.memory_gb", 8, 9)
    assert name_run(before) == name_run(after)


def test_examples_of_several_templates_have_no_fingerprint_of_them(recipe: Recipe):
    assert describe(recipe, templates="a")["prompt_templates"] == "a"
    examples: Any = [
        {"id": "1", "prompt": [], "completion": [], "meta": {"templates": name}} for name in "ab"
    ]
    inputs = describe_inputs(examples, [], load_tokenizer(recipe), recipe, CPU)
    assert inputs["prompt_templates"] is None


def test_only_what_is_given_is_compared_with_an_adapter(recipe: Recipe):
    adapter = make_adapter(recipe, CPU, effect=False)
    assert find_changes(adapter) == find_changes(adapter, recipe) == {}
    assert find_changes(adapter, train=[]) == {}
    other: Any = [{"id": "1", "meta": {}}]
    assert find_changes(adapter, train=other).keys() == {"training examples"}
    prompt = Prompt(prompt="{title}", completion="{content}")
    assert find_changes(adapter, prompt=prompt).keys() == {"prompt templates"}
    adapter.provenance["prompt_templates"] = hash_templates(prompt)
    assert find_changes(adapter, train=[], prompt=prompt) == {}


def test_what_an_adapter_was_made_of_is_what_was_described(recipe: Recipe):
    assert read_inputs(make_adapter(recipe, CPU, effect=False)) == describe_inputs(
        [], [], load_tokenizer(recipe), recipe, CPU
    )

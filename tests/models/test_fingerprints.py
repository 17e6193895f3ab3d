import shutil
from pathlib import Path

import pytest

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.models.adapter import load_tuned
from tuneline.models.fingerprints import find_incompatibilities
from tuneline.parameters import Recipe


def test_a_base_model_whose_folder_has_moved_is_the_same(recipe: Recipe, tmp_path: Path):
    adapter = make_adapter(recipe, CPU, effect=False)
    moved = shutil.copytree(recipe.base_model, tmp_path / "moved")
    there = recipe.model_copy(update={"base_model": str(moved)})
    assert list(find_incompatibilities(adapter, there)) == []


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

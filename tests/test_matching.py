import shutil
from pathlib import Path

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import make_adapter
from tuneline.matching import find_mismatches
from tuneline.parameters import Recipe


def test_a_base_model_whose_folder_has_moved_is_the_same(recipe: Recipe, tmp_path: Path):
    adapter = make_adapter(recipe, CPU, effect=False)
    moved = shutil.copytree(recipe.base_model, tmp_path / "moved")
    there = recipe.model_copy(update={"base_model": str(moved)})
    assert list(find_mismatches(adapter, there)) == []


def test_another_base_model_is_named_with_what_tells_it_apart(recipe: Recipe):
    adapter = make_adapter(recipe, CPU, effect=False)
    weights = adapter.provenance["base"]["sha256"][:12]
    adapter.provenance["base"] = {"name": "someone/else", "commit": "abc"}
    (problem,) = find_mismatches(adapter, recipe)
    assert problem.value == f"{recipe.base_model} (weights {weights})"
    assert problem.wrong == "the adapter was trained on someone/else (commit abc)"

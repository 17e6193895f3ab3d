import pytest
import torch

from tests.pipelines.merge.adapters import make_adapter
from tests.pipelines.merge.test_weights import merge
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.merge.comparison import check_rounding, compare_rounding
from tuneline.pipelines.merge.logits import Asked, compute_merged, compute_unmerged
from tuneline.pipelines.merge.room import choose_compute

MATRICES = 29
FORMATS = ("bfloat16", "float32")
EXAMPLES = [
    {
        "id": str(number),
        "prompt": [{"role": "user", "content": f"Write a product description for: {title}"}],
        "completion": [{"role": "assistant", "content": f"The {title} lasts for many years."}],
        "meta": {},
    }
    for number, title in enumerate(("Oak Spoon", "Blue Teapot", "Wool Scarf"))
]


@pytest.fixture(scope="module")
def compare(parameters, tmp_path_factory):
    """Merge one adapter and compare the result with another."""
    from tests.conftest import CPU

    recipe = parameters.recipe

    def run(merged, expected, **changed):
        folder = tmp_path_factory.mktemp("merged") / "merged"
        merge(merged, recipe, CPU, folder, **changed)
        asked = Asked(expected.tokenizer, EXAMPLES)
        base, tuned = compute_unmerged(asked, recipe.base_model, "main", expected, "float32", CPU)
        found = compute_merged(asked, str(folder), "float32", CPU)
        return compare_rounding(base, tuned, found, FORMATS, MATRICES)

    return run


def test_a_right_merge_differs_by_rounding_alone(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe)
    found = compare(adapter, adapter)
    check_rounding(found)
    assert 0 < found["relative_rms"] < found["bound"] / 3
    assert found["adapter_effect"] > 10 * found["relative_rms"]
    assert found["top1_agreement"] > 0.95
    assert 0 <= found["mean_kl"] < 1e-3


def test_tied_embeddings_part_when_the_adapter_changes_one_use_of_them(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe, target_modules=["q_proj", "embed_tokens"])
    check_rounding(compare(adapter, adapter))


@pytest.mark.parametrize("wrong", ["scaling", "one layer"])
def test_a_wrong_merge_is_refused(compare, recipe: Recipe, wrong: str):
    expected, _ = make_adapter(recipe)
    if wrong == "scaling":
        merged, _ = make_adapter(recipe, lora_alpha=16)
    else:
        merged, _ = make_adapter(recipe)
        for name, tensor in merged.tensors.items():
            if "layers.2.mlp.up_proj.lora_B" in name:
                tensor.zero_()
    with pytest.raises(TunelineError, match="differ from those of base model and adapter by"):
        check_rounding(compare(merged, expected))


def test_an_adapter_that_rounding_swallows_is_refused(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe, scale=1e-4)
    with pytest.raises(TunelineError, match="most of what was learnt would be lost"):
        check_rounding(compare(adapter, adapter))


def test_an_adapter_without_effect_loses_nothing(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe, scale=0)
    found = compare(adapter, adapter)
    check_rounding(found)
    assert found["max_difference"] == 0


def test_logits_that_are_no_numbers_are_refused():
    logits = torch.randn(4, 8)
    broken = logits.clone()
    broken[0, 0] = torch.nan
    with pytest.raises(TunelineError, match="rounding explains"):
        check_rounding(compare_rounding(logits + 1, logits, broken, FORMATS, MATRICES))


def test_the_exacter_format_is_taken_if_it_fits_and_none_if_nothing_does(hardware: Hardware):
    assert choose_compute(10**6, hardware) == "float32"
    little = hardware.model_copy(update={"memory_gb": 1.0})
    assert choose_compute(80 * 10**6, little) == "bfloat16"
    assert choose_compute(10**9, little) is None
    gpu = Hardware(
        name="GPU",
        device="cuda",
        compute_capability=7.5,
        memory_gb=15,
        tokens_per_batch=1,
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_checkpointing=True,
        attn_implementation="auto",
    )
    assert choose_compute(38 * 10**8, gpu) == "float16"
    assert choose_compute(80 * 10**8, gpu) is None

"""An adapter in the weights of a model: the same answers, and the same model afterwards."""

import pytest
import torch

from tests.conftest import CPU
from tests.pipelines.evaluate.adapters import wrap_model
from tuneline.models.adapted_model import merge_if_exact
from tuneline.parameters import Recipe

pytestmark = pytest.mark.slow

IDS = torch.arange(40)[None]


def test_an_adapter_is_merged_in_float32_and_taken_out_again(recipe: Recipe):
    model = wrap_model(recipe, CPU, effect=True).eval()
    before = {name: one.clone() for name, one in model.state_dict().items()}
    with torch.inference_mode():
        expected = model(IDS).logits
        with merge_if_exact(model):
            merged = model(IDS).logits
            changed = [n for n, one in model.state_dict().items() if not one.equal(before[n])]
        after = model(IDS).logits
    assert changed
    assert all("base_layer" in name for name in changed)
    torch.testing.assert_close(merged, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(after, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=1e-5, atol=1e-6)


def test_what_merging_would_round_stays_apart(recipe: Recipe):
    coarse = CPU.model_copy(update={"dtype": "bfloat16"})
    model = wrap_model(recipe, coarse, effect=True)
    before = {name: one.clone() for name, one in model.state_dict().items()}
    with merge_if_exact(model):
        assert all(one.equal(before[name]) for name, one in model.state_dict().items())

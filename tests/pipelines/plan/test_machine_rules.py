from dataclasses import replace

import pytest

from tests.conftest import load_parameters
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.chosen import FOUR_BITS, settle_hardware
from tuneline.pipelines.plan.best_checkpoint import plan_best_checkpoint
from tuneline.pipelines.plan.machine_rules import choose_machine, describe_sharding
from tuneline.pipelines.plan.memory_estimate import ModelSize, predict_memory

# Llama-3.1-70B, with an adapter of rank 16 on all linear layers.
LARGE = ModelSize(68_451_041_280, 2_101_346_304, 207_093_760, 80, 8192, 8192, 1024, 28_672, 128_256)
BLOCKS = ["LlamaDecoderLayer"]
LONGEST = 512


@pytest.fixture
def recipe() -> Recipe:
    stated = load_parameters().recipe.model_dump()
    return Recipe.model_validate({**stated, "quantization": FOUR_BITS, "packing": True})


def make_machine(**changes: object) -> Hardware:
    machine = {
        "name": "GPUs with 48 GB",
        "device": "cuda",
        "compute_capability": 8.9,
        "memory_gb": 48,
        "processes": 2,
        "tokens_per_batch": LONGEST,
        "per_device_train_batch_size": 1,
        "per_device_eval_batch_size": 1,
        "attn_implementation": "auto",
    }
    return Hardware.model_validate({**machine, **changes})


def test_a_model_is_divided_where_it_does_not_fit_on_one_of_several_gpus(recipe: Recipe):
    machine, (sharding, _) = choose_machine(LARGE, LONGEST, recipe, make_machine(), BLOCKS)
    assert (machine.fsdp, machine.gradient_checkpointing) == (True, True)
    assert "divided among 2, up to" in sharding.reason
    for changes in ({"memory_gb": 80}, {"fsdp": False}):
        kept, _ = choose_machine(LARGE, LONGEST, recipe, make_machine(**changes), BLOCKS)
        assert kept.fsdp is False
    unknown, (sharding, _) = choose_machine(LARGE, LONGEST, recipe, make_machine(), [])
    assert unknown.fsdp is False
    assert "names no blocks" in sharding.reason
    alone, choices = choose_machine(LARGE, LONGEST, recipe, make_machine(processes=1), BLOCKS)
    assert (alone.fsdp, len(choices)) == (False, 1)


def test_a_model_whose_buffers_are_larger_than_it_is_not_divided(recipe: Recipe):
    small = ModelSize(1_000_000, 1_500_000, 100_000, 4, 192, 192, 192, 512, 8192)
    tight = make_machine(memory_gb=0.15)
    machine, (sharding, _) = choose_machine(small, LONGEST, recipe, tight, BLOCKS)
    assert machine.fsdp is False
    assert "no less" in sharding.reason


def test_machines_divide_it_as_the_gpus_of_one_do(recipe: Recipe):
    together = {"processes": 1, "machines": 2, "rendezvous": "node0:29400"}
    machine, _ = choose_machine(LARGE, LONGEST, recipe, make_machine(**together), BLOCKS)
    assert machine.fsdp is True
    assert machine.world_size == 2


def test_each_gpu_keeps_its_part_of_the_weights_and_all_of_their_scales(recipe: Recipe):
    """Nibbles and what is not quantized are divided; 4-bit scales are no parameters."""
    scales = LARGE.quantized * (1 / 64 + 4 / (64 * 256))
    for processes in (2, 8):
        machine = make_machine(processes=processes, fsdp=True)
        found = predict_memory(LARGE, LONGEST, recipe, machine)
        parts = (LARGE.quantized / 2 + LARGE.unquantized * 2) / processes
        assert found["weights"] == pytest.approx((parts + scales) / 1e9, abs=1e-3)
        assert found["optimizer"] == pytest.approx(LARGE.trainable * 8 / processes / 1e9, abs=1e-3)
        assert found["gradients"] == pytest.approx(LARGE.trainable * 4 / 1e9, abs=1e-3)
        assert found["gathered"] > LARGE.vocabulary * LARGE.hidden * 2 / 1e9
    whole = recipe.model_copy(update={"quantization": None})
    found = predict_memory(LARGE, LONGEST, whole, make_machine(fsdp=True))
    assert found["weights"] == pytest.approx((LARGE.quantized + LARGE.unquantized) / 1e9, abs=1e-3)
    assert predict_memory(LARGE, LONGEST, recipe, make_machine(fsdp=False))["gathered"] == 0


def test_the_plan_says_how_the_model_lies_on_the_gpus(recipe: Recipe):
    divided = describe_sharding(LARGE, LONGEST, recipe, make_machine(fsdp=True))
    assert divided
    assert divided["whole_gb"] > 48 > divided["divided_gb"]
    assert divided["loading_gb"] == pytest.approx(2 * 39.5, abs=0.1)
    assert "not yet on GPUs" in divided["summary"]
    small = replace(LARGE, quantized=LARGE.quantized // 10)
    kept = describe_sharding(small, LONGEST, recipe, make_machine(fsdp=False))
    assert kept
    assert "with a part of the model" in kept["summary"]
    assert describe_sharding(LARGE, LONGEST, recipe, make_machine(processes=1)) is None


def test_the_loss_chooses_the_checkpoint_of_a_divided_model(recipe: Recipe):
    import pandas as pd

    from tuneline.parameters import Evaluation

    nothing = {"seconds": 1.0, "cost": None, "has_answers": False}
    plan = {
        "sharding": {"divided": True},
        "time": {"validation_answers": {"seconds": 0.001}, "training": nothing},
        "steps": {"total": 10, "per_epoch": 10, "epochs": 1.0},
        "context": {"max_new_tokens": 8},
        "resolved": {},
    }
    report = pd.DataFrame({"split": ["validation"], "completion_tokens": [4]})
    recipe = recipe.model_copy(update={"metric_for_best_model": None})
    found = plan_best_checkpoint(plan, report, recipe, Evaluation(title="Tea", generation={}))
    assert found["best_checkpoint"]["metric"] == "loss"
    assert "divided among GPUs" in found["best_checkpoint"]["reason"]


def test_a_later_stage_finds_what_was_chosen_also_before_models_were_divided():
    choices = {"choices": [{"hardware": {"gradient_checkpointing": False}}]}
    settled = settle_hardware(make_machine(), choices)
    assert (settled.gradient_checkpointing, settled.fsdp) == (False, False)
    choices["choices"].append({"hardware": {"gradient_checkpointing": True, "fsdp": True}})
    assert settle_hardware(make_machine(), choices).is_sharded


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fsdp": True, "processes": 1}, "one GPU has nothing to divide a model with"),
        (
            {"fsdp": True, "device": "cpu", "compute_capability": None, "dtype": "float32"},
            "Accelerate divides a model among GPUs alone",
        ),
        ({"machines": 2}, "`rendezvous` is not stated"),
        ({"machines": 2, "machine": 2, "rendezvous": "node0:29400"}, "counted from 0"),
        ({"rendezvous": "node0"}, "should match pattern"),
    ],
)
def test_machines_that_cannot_train_so_are_refused(changes: dict, said: str):
    with pytest.raises(ValueError, match=said):
        make_machine(**changes)

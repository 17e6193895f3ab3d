import pytest

from tests.pipelines.plan.test_nodes import LLAMA_8B, make_report, plan_run
from tests.pipelines.plan.test_timing import TEST, make_record, plan
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.chosen import FOUR_BITS
from tuneline.pipelines.plan.advice import PlannedRun, list_savings
from tuneline.pipelines.plan.memory_estimate import predict_memory
from tuneline.pipelines.plan.quantization import (
    choose_quantization,
    compare_quantization,
    measure_pass,
)
from tuneline.pipelines.plan.run_card import write_card

A100 = Hardware(
    name="A100",
    device="cuda",
    compute_capability=8.0,
    dtype="bfloat16",
    memory_gb=42,
    tokens_per_batch=2048,
    per_device_train_batch_size=4,
    per_device_eval_batch_size=8,
    gradient_checkpointing=True,
    attn_implementation="sdpa",
)
# Seconds an iteration on one A100, LoRA and Q-LoRA (the README of Qwen), by billions of parameters
# and tokens of a pass.
PUBLISHED: dict[tuple[float, int], tuple[float, float]] = {
    (7, 512): (1.5, 3.0),
    (7, 1024): (2.8, 3.5),
    (7, 2048): (5.2, 7.0),
    (7, 4096): (10.1, 11.6),
    (7, 8192): (21.3, 22.3),
    (14, 1024): (4.4, 8.2),
    (14, 2048): (8.4, 11.8),
    (14, 4096): (17.0, 20.1),
    (14, 8192): (36.0, 38.3),
}


def machine(**changes: object) -> Hardware:
    return A100.model_copy(update=changes)


def choose(recipe: Recipe, hardware: Hardware, tokens: float = 2048) -> tuple:
    return choose_quantization(LLAMA_8B, 512, tokens, recipe, hardware)


def test_where_both_fit_a_gpu_trains_on_weights_that_are_not_quantized(recipe: Recipe):
    chosen, why = choose(recipe, A100)
    assert chosen is None
    assert why.startswith("Not quantized, the training needs 19.5 of 42.0 GB")
    assert " and is 24% faster than in 4 bits (predicted from published runs" in why


@pytest.mark.parametrize(
    ("memory_gb", "words"),
    [(15.6, "the training would need 19.5 "), (24, "GB with much fragmentation; in 4 bits ")],
)
def test_what_may_not_fit_is_trained_in_4_bits(recipe: Recipe, memory_gb: float, words: str):
    chosen, why = choose(recipe, machine(memory_gb=memory_gb))
    assert chosen == recipe.quantization
    assert words in why
    whole = recipe.model_copy(update={"quantization": None})
    assert choose(whole, machine(memory_gb=memory_gb))[0] == FOUR_BITS


def test_a_base_model_that_is_stored_in_4_bits_stays_in_them(recipe: Recipe):
    chosen, why = choose_quantization(LLAMA_8B, 512, 2048, recipe, A100, is_stored_so=True)
    assert chosen == recipe.quantization
    assert why.startswith("The base model is stored in 4 bits")


def test_a_cpu_that_dequantizes_4_bits_takes_the_same_for_both(recipe: Recipe):
    cpu = machine(device="cpu", compute_capability=None, memory_gb=64)
    four, whole = compare_quantization(LLAMA_8B, 512, 512, recipe, cpu)
    assert (four.memory_gb, four.relative_time) == (whole.memory_gb, whole.relative_time)
    chosen, why = choose(recipe, cpu)
    assert chosen is None
    assert "as much time as in 4 bits, and no weight is rounded" in why
    small = machine(device="cpu", compute_capability=None, memory_gb=30)
    assert compare_quantization(LLAMA_8B, 512, 512, recipe, small)[0].relative_time > 1


@pytest.mark.parametrize(("billions", "tokens"), list(PUBLISHED))
def test_the_predicted_time_is_near_the_published_one(recipe: Recipe, billions: float, tokens: int):
    whole, four = PUBLISHED[billions, tokens]
    size = LLAMA_8B  # of which the prediction takes no notice on a GPU
    predicted = compare_quantization(size, tokens, tokens, recipe, A100)[0].relative_time
    assert predicted == pytest.approx(four / whole, rel=0.21)


def test_the_tokens_of_a_pass_are_those_of_the_examples(recipe: Recipe):
    recipe = recipe.model_copy(update={"global_batch_size": 8, "packing": True})
    assert measure_pass(100, recipe, A100) == 800
    assert measure_pass(100, recipe, machine(processes=2)) == 400
    assert measure_pass(1000, recipe, A100) == 2048
    assert measure_pass(3000, recipe, A100) == 3000
    padded = recipe.model_copy(update={"packing": False})
    assert measure_pass(100, padded, A100) == 400


def test_weights_that_are_not_quantized_take_two_bytes(recipe: Recipe):
    whole = recipe.model_copy(update={"quantization": None})
    assert predict_memory(LLAMA_8B, 512, whole, A100)["weights"] == pytest.approx(16.06, abs=0.01)
    savings = list_savings(PlannedRun(LLAMA_8B, 512, whole, A100))
    change = next(one for one in savings if one["change"].startswith("recipe.quantization"))
    assert change["change"] == (
        "recipe.quantization: {load_in_4bit: true, bnb_4bit_quant_type: nf4}"
    )
    assert change["saves_gb"] > 10


@pytest.mark.slow
def test_the_plan_says_what_both_take_and_which_is_recommended(recipe: Recipe):
    found = plan_run(make_report([20] * 64, recipe), recipe, machine(teraflops=0.001))
    four, whole = (found["quantization"][name] for name in ("in_4_bits", "not_quantized"))
    assert four["memory_gb"] == found["memory_gb"]["total"]
    assert four["seconds"] == found["time"]["training"]["seconds"]
    slower = 1 + 500 / (20 * recipe.global_batch_size)
    assert four["seconds"] / whole["seconds"] == pytest.approx(slower)
    assert found["quantization"]["chosen"] == "not_quantized"
    card = "\n".join(write_card(found, 200))
    assert "weights   in 4 bits; recommended: not quantized (recipe.quantization)" in card
    unquantized = recipe.model_copy(update={"quantization": None})
    other = plan_run(make_report([20] * 64, recipe), unquantized, machine(teraflops=0.001))
    assert other["time"]["training"]["seconds"] == pytest.approx(whole["seconds"], rel=0.01)
    assert "weights   not quantized\n" in "\n".join(write_card(other, 200))


@pytest.mark.slow
def test_a_training_of_the_other_kind_here_gives_its_time(recipe: Recipe, hardware: Hardware):
    four = make_record(recipe, hardware, 10.0)
    whole = make_record(recipe.model_copy(update={"quantization": None}), hardware, 12.5)
    found = plan(recipe, hardware, [four, whole])["quantization"]
    assert found["in_4_bits"]["seconds"] == pytest.approx(1.25 * found["not_quantized"]["seconds"])
    assert "is 25% faster than in 4 bits (measured)" in found["summary"]
    assert TEST

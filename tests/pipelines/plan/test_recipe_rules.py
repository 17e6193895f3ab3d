from dataclasses import replace

import pandas as pd
import pytest

from tests.conftest import CPU
from tuneline.parameters import StatedRecipe
from tuneline.parameters.base import AUTO
from tuneline.pipelines.plan.choices import Situation
from tuneline.pipelines.plan.machine_rules import choose_checkpointing
from tuneline.pipelines.plan.memory_estimate import ModelSize, predict_memory
from tuneline.pipelines.plan.recipe_rules import choose_values

# Llama-3.1-8B and SmolLM2-135M, with an adapter of rank 16 on all linear layers.
LARGE = ModelSize(6_979_321_856, 1_050_939_392, 41_943_040, 32, 4096, 4096, 1024, 14336, 128_256)
SMALL = ModelSize(106_168_320, 28_346_688, 4_884_480, 30, 576, 576, 192, 1536, 49_152)


def make_situation(rows: int, tokens: int = 100, size: ModelSize = LARGE) -> Situation:
    lengths = [{"tokens": tokens, "completion_tokens": tokens - 20}] * rows
    return Situation(pd.DataFrame(lengths), 0, "llama", 131_072, size, 16, 1)


def choose(found: Situation, **stated: object) -> dict[str, object]:
    recipe = StatedRecipe.model_validate({"base_model": "any", **stated})
    return {one.key: one.value for one in choose_values(recipe, found, CPU)}


def test_few_rows_make_a_hundred_steps_and_many_are_read_once():
    few, some, many = (choose(make_situation(rows)) for rows in (13, 1824, 80_000))
    assert (few["global_batch_size"], few["num_train_epochs"]) == (4, 25)  # 4 steps an epoch
    assert (some["global_batch_size"], some["num_train_epochs"]) == (16, 4)
    assert (many["global_batch_size"], many["num_train_epochs"]) == (16, 1)


def test_the_rate_is_that_of_the_published_measurements():
    """Of 35 measured models 3e-4 to 1e-3 was best for 32; the smallest one takes larger steps."""
    assert choose(make_situation(80_000))["learning_rate"] == 3e-4
    assert choose(make_situation(80))["learning_rate"] == 4e-4
    wide = replace(LARGE, hidden=3072)
    assert choose(make_situation(80, size=wide))["learning_rate"] == 5e-4
    laptop = make_situation(240, size=SMALL)
    assert choose(laptop, num_train_epochs=1)["learning_rate"] == 2e-3  # as measured


def test_the_rank_grows_once_the_adapter_has_fewer_parameters_than_tokens_to_learn():
    assert choose(make_situation(1824))["lora.r"] == 16
    found = choose(make_situation(80_000, tokens=1000))  # 78 million
    assert (found["lora.r"], found["lora.lora_alpha"]) == (32, 32)


def test_the_length_is_that_of_the_longest_example_unless_it_is_far_longer_than_all():
    usual = make_situation(400, tokens=100)
    assert choose(usual)["max_length"] == 128
    assert choose(replace(usual, longest_watching=180))["max_length"] == 192
    far = replace(usual, tokens=pd.concat([usual.tokens, make_situation(1, 5000).tokens]))
    assert choose(far)["max_length"] == 128
    assert choose(far, max_overlong_fraction=0)["max_length"] == 5056
    assert choose(far, overlong="truncate")["max_length"] == 5056
    assert choose(replace(far, context=2048), max_overlong_fraction=0)["max_length"] == 2048


@pytest.mark.parametrize(("memory_gb", "checkpointing"), [(40, False), (18, True)])
def test_bits_are_chosen_by_the_memory_that_the_plan_will_name(
    memory_gb: float, checkpointing: bool
):
    machine = CPU.model_copy(update={"gradient_checkpointing": AUTO, "memory_gb": memory_gb})
    found = make_situation(240, size=SMALL, tokens=8000)
    stated = StatedRecipe(base_model="any", max_length=8000)
    chosen = {one.key: one for one in choose_values(stated, found, machine)}
    assert chosen["quantization"].value is None
    recipe = stated.settle({key: one.value for key, one in chosen.items()})
    settled = choose_checkpointing(SMALL, 8000, recipe, machine)
    assert settled.value is checkpointing
    kept = machine.model_copy(update={"gradient_checkpointing": settled.value})
    memory = predict_memory(SMALL, 8000, recipe, kept)["total"]
    assert f"needs {memory:.1f} of {memory_gb:.1f} GB" in chosen["quantization"].reason


def test_what_is_stated_counts_in_the_rules_for_the_rest():
    assert choose(make_situation(80), global_batch_size=8)["num_train_epochs"] == 10
    short = choose(make_situation(80_000, size=SMALL), max_steps=50)
    assert short["learning_rate"] == choose(make_situation(80, size=SMALL))["learning_rate"]


def test_a_batch_is_whole_on_several_processes():
    assert choose(replace(make_situation(13), at_once=6))["global_batch_size"] == 6


def test_activations_are_computed_again_only_where_they_do_not_fit():
    recipe = StatedRecipe(base_model="any").settle(choose(make_situation(1824)))
    gpu = CPU.model_copy(update={"device": "cuda", "compute_capability": 8.0, "dtype": "bfloat16"})
    found = {
        memory: choose_checkpointing(
            LARGE, 512, recipe, gpu.model_copy(update={"memory_gb": memory})
        ).value
        for memory in (8, 80)
    }
    assert found == {8: True, 80: False}


@pytest.mark.parametrize("rows", [1, 5])
def test_a_handful_of_rows_has_values_too(rows: int):
    assert choose(make_situation(rows))["num_train_epochs"] == 25


def test_every_choice_has_one_sentence_and_a_source():
    for one in choose_values(StatedRecipe(base_model="any"), make_situation(240), CPU):
        assert one.reason.endswith(".")
        assert ". " not in one.reason
        assert "20" in one.source or "NVIDIA" in one.source

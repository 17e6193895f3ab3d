import importlib.util
import sys
from pathlib import Path

import pytest

from tests.conftest import CPU
from tuneline.checks.vllm import find_missing_vllm, find_vllm_problems
from tuneline.parameters import Evaluation, Recipe

THERE = CPU.model_copy(update={"vllm_python": sys.executable})


def make_evaluation(**generation: object) -> Evaluation:
    return Evaluation(title="Pots", generation=generation)


def test_what_vllm_cannot_do_is_named_only_where_it_is_to_answer(recipe: Recipe):
    evaluation = make_evaluation(max_new_tokens=8, num_beams=4, no_repeat_ngram_size=3)
    dora = recipe.model_copy(update={"lora": {**recipe.lora, "use_dora": True}})
    assert list(find_vllm_problems("pots", dora, evaluation, CPU)) == []
    found = [str(one) for one in find_vllm_problems("pots", dora, evaluation, THERE)]
    assert [one.split(":")[0] for one in found] == [
        "pots.evaluation.generation.no_repeat_ngram_size = 3",
        "pots.evaluation.generation.num_beams = 4",
        "pots.recipe.lora.use_dora = True",
    ]
    drawn = make_evaluation(do_sample=True, temperature=0.7, top_p=0.9, repetition_penalty=1.1)
    assert list(find_vllm_problems("pots", recipe, drawn, THERE)) == []


@pytest.mark.parametrize("python", ["nowhere/python", sys.executable, str(Path(__file__).parent)])
def test_a_python_without_vllm_is_named(python: str):
    assert importlib.util.find_spec("vllm") is None  # Tuneline's own environment has none
    hardware = CPU.model_copy(update={"vllm_python": python})
    (found,) = find_missing_vllm(hardware)
    assert f"hardware.vllm_python = {python}: it is no Python" in str(found)
    assert list(find_missing_vllm(CPU)) == []

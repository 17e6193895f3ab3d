from importlib.metadata import version

import pytest

from tuneline.checks.library_keys import find_problems
from tuneline.parameters import Recipe, UseCase


def find(parameters: UseCase, **changes: object) -> list[str]:
    recipe = Recipe.model_validate({**parameters.recipe.model_dump(), **changes})
    return [str(one) for one in find_problems("mine", recipe, parameters.evaluation)]


def test_the_shipped_recipe_has_no_problem(parameters: UseCase):
    assert find(parameters) == []
    assert find(parameters, quantization=None) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rat": 1}, "did you mean `learning_rate`"),
        ({"lora": {"r": 8, "lora_alph": 16}}, "did you mean `lora_alpha`"),
        (
            {"quantization": {"load_in_4bit": True, "bnb_4bit_quant_typ": "nf4"}},
            "did you mean `bnb_4bit_quant_type`",
        ),
        ({"warmup_ratio": 0.1}, f"trl {version('trl')} knows no such key"),
        ({"lr_scheduler_type": "linaer"}, "linaer"),
        ({"optim": "adamm"}, "adamm is not a valid"),
        ({"lora": {"r": 0}}, "mine.recipe.lora.r = 0: input should be greater than or equal to 1"),
        ({"lora": {"r": 8, "lora_alpha": -16}}, "lora_alpha = -16: input should be greater than 0"),
        ({"lora": {"r": 8, "lora_dropout": 1}}, "lora_dropout = 1: input should be less than 1"),
        ({"max_steps": 0}, "max_steps = 0: input should be greater than 0, or -1"),
        ({"warmup_steps": -3}, "warmup_steps = -3: input should be greater than or equal to 0"),
        ({"weight_decay": float("nan")}, "weight_decay = nan: input should be a finite number"),
        ({"weight_decay": "much"}, "weight_decay = much: input should be a valid number"),
        ({"max_grad_norm": float("inf")}, "input should be a finite number"),
        ({"data_seed": 2**32}, "data_seed = 4294967296: input should be less than 4294967296"),
        ({"fp16": True}, "it belongs to the machine"),
        ({"gradient_accumulation_steps": 4}, "it follows from `global_batch_size`"),
        ({"trust_remote_code": True}, "Tuneline runs no code from the hub"),
        ({"push_to_hub": True}, "training publishes nothing"),
        ({"packing_strategy": "wrapped"}, "Tuneline packs the examples of one step together"),
        ({"save_strategy": "no"}, "nothing to go on from"),
        ({"lora": {"r": 8, "init_lora_weights": "pissa"}}, "changes the base model's weights"),
        (
            {"quantization": None, "lora": {"r": 8, "init_lora_weights": "loftq"}},
            "LoftQ starts the adapter from what 4 bits lose of the weights, and recipe.quant",
        ),
        ({"eos_token": "</s>"}, "one chat template serves"),
        ({"lora": {"r": 8, "task_type": "CAUSAL_LM"}}, "it is always CAUSAL_LM"),
    ],
)
def test_what_the_libraries_would_not_take_is_refused(
    parameters: UseCase, changes: dict, words: str
):
    problems = find(parameters, **changes)
    assert len(problems) == 1, problems
    assert words in problems[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_new_tokens", 0), ("temperature", -1), ("top_p", 1.5), ("num_beams", 0)],
)
def test_an_impossible_number_of_the_decoding_is_named_by_its_key(
    parameters: UseCase, key: str, value: float
):
    evaluation = parameters.evaluation.model_copy(update={"generation": {key: value}})
    (problem,) = [str(one) for one in find_problems("mine", parameters.recipe, evaluation)]
    assert problem.startswith(f"mine.evaluation.generation.{key} = {value}: input should be ")


@pytest.mark.parametrize("key", ["stop_strings", "max_length", "num_return_sequences"])
def test_keys_that_no_evaluation_obeys_are_refused(parameters: UseCase, key: str):
    evaluation = parameters.evaluation.model_copy(update={"generation": {key: 3}})
    problem, *_ = map(str, find_problems("mine", parameters.recipe, evaluation))
    assert problem.startswith(f"mine.evaluation.generation.{key} = 3: ")


def test_generation_keys_are_checked_too(parameters: UseCase):
    evaluation = parameters.evaluation.model_copy(update={"generation": {"max_new_token": 5}})
    problems = [str(one) for one in find_problems("mine", parameters.recipe, evaluation)]
    assert "did you mean `max_new_tokens`" in problems[0]

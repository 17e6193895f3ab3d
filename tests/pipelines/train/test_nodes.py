import pandas as pd
import pytest
import torch

from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.modelling import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.data import render_examples
from tuneline.pipelines.train.nodes import plot_losses, train_adapter
from tuneline.pipelines.train.trainer import derive_arguments
from tuneline.plan_inputs import describe_inputs


def make_examples(count: int) -> list[Example]:
    return [
        {
            "id": str(number),
            "prompt": [{"role": "user", "content": f"Describe: pot {number}"}],
            "completion": [{"role": "assistant", "content": f"Pot {number} is made of oak."}],
            "meta": {"line": number},
        }
        for number in range(count)
    ]


def make_plan(count: int, recipe: Recipe, hardware: Hardware) -> dict:
    made_for = describe_inputs(make_examples(count), recipe, hardware)
    return {"made_for": made_for, "verdict": {"fits": True, "words": ""}}


def train(recipe: Recipe, hardware: Hardware, count: int = 48):
    recipe = recipe.model_copy(update={"lora": {**recipe.lora, "r": 8}})
    plan = make_plan(count, recipe, hardware)
    return train_adapter(make_examples(count), make_examples(4), plan, recipe, hardware)


def test_batch_8_and_batch_2_accumulated_4_times_train_the_same(recipe: Recipe, hardware: Hardware):
    recipe = recipe.model_copy(update={"global_batch_size": 8})
    logs = [
        train(recipe, hardware.model_copy(update={"per_device_train_batch_size": batch}))[1]
        for batch in (8, 2)
    ]
    torch.testing.assert_close(
        torch.tensor(logs[0]["eval_loss"].dropna().tolist()),
        torch.tensor(logs[1]["eval_loss"].dropna().tolist()),
        rtol=1e-3,
        atol=1e-3,
    )


def test_training_lowers_the_validation_loss_and_checkpointing_changes_nothing(
    recipe: Recipe, hardware: Hardware
):
    adapter, log = train(recipe, hardware)
    losses = log["eval_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0] / 2
    checkpointed = hardware.model_copy(update={"gradient_checkpointing": True})
    again, _ = train(recipe, checkpointed)
    for name, tensor in adapter.tensors.items():
        torch.testing.assert_close(tensor, again.tensors[name], rtol=1e-3, atol=1e-4)


def test_a_plan_that_does_not_fit_is_obeyed(recipe: Recipe, hardware: Hardware):
    plan = make_plan(8, recipe, hardware)
    plan["verdict"] = {"fits": False, "words": "It needs 99 GB."}
    with pytest.raises(TunelineError, match="It needs 99 GB"):
        train_adapter(make_examples(8), make_examples(2), plan, recipe, hardware)


def test_the_plan_of_other_examples_is_refused(recipe: Recipe, hardware: Hardware):
    plan = make_plan(9, recipe, hardware)
    with pytest.raises(TunelineError, match="plan: training examples"):
        train_adapter(make_examples(8), make_examples(2), plan, recipe, hardware)


@pytest.mark.parametrize(
    ("block", "changes", "words"),
    [
        ("recipe", {"lora": {"r": 99}}, r"plan: recipe\.lora"),
        (
            "recipe",
            {"global_batch_size": 32},
            r"plan: recipe\.global_batch_size = 16: this run has 32",
        ),
        ("hardware", {"gradient_checkpointing": True}, r"plan: hardware\.gradient_checkpointing"),
    ],
)
def test_the_plan_of_another_run_is_refused(
    recipe: Recipe, hardware: Hardware, block: str, changes: dict, words: str
):
    plan = make_plan(8, recipe, hardware)
    blocks = {"recipe": recipe, "hardware": hardware}
    blocks[block] = blocks[block].model_copy(update=changes)
    with pytest.raises(TunelineError, match=words):
        train_adapter(make_examples(8), make_examples(2), plan, **blocks)


def test_another_learning_rate_needs_no_other_plan(recipe: Recipe, hardware: Hardware):
    changed = recipe.model_copy(update={"learning_rate": 1e-5})
    assert describe_inputs([], recipe, hardware) == describe_inputs([], changed, hardware)


def test_only_completions_are_trained_and_each_has_its_end_token(recipe: Recipe):
    tokenizer = load_tokenizer(recipe)
    for row in render_examples(tokenizer, make_examples(3), recipe):
        trained = [label for label in row["labels"] if label != -100]
        assert tokenizer.decode(trained).startswith("Pot")
        assert tokenizer.convert_tokens_to_ids("<|end|>") in trained


def test_examples_that_are_too_long_are_left_out_whole(recipe: Recipe):
    examples = make_examples(3)
    examples[1]["completion"][0]["content"] = "tea " * 500
    rows = render_examples(load_tokenizer(recipe), examples, recipe)
    assert len(rows) == 2


def test_no_example_that_fits_is_an_error(recipe: Recipe):
    short = recipe.model_copy(update={"max_length": 3})
    with pytest.raises(TunelineError, match="no example is that short"):
        render_examples(load_tokenizer(recipe), make_examples(3), short)


def test_a_template_that_ends_no_answer_is_refused(recipe: Recipe):
    tokenizer = load_tokenizer(recipe)
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    with pytest.raises(TunelineError, match="no end token behind an answer"):
        render_examples(tokenizer, make_examples(3), recipe)


def test_recipe_keys_reach_sftconfig_and_the_machine_decides_precision(
    recipe: Recipe, hardware: Hardware
):
    half = hardware.model_copy(update={"device": "cuda", "dtype": "float16"})
    arguments = derive_arguments(recipe, half)
    assert arguments["weight_decay"] == 0.01
    assert (arguments["fp16"], arguments["bf16"], arguments["use_cpu"]) == (True, False, False)
    assert arguments["gradient_accumulation_steps"] * 4 == recipe.global_batch_size


def test_the_loss_curve_shows_both_losses():
    log = pd.DataFrame({"step": [0, 5], "loss": [None, 2.0], "eval_loss": [3.0, 1.5]})
    names = [trace.name for trace in plot_losses(log).data]
    assert names == ["training", "validation"]

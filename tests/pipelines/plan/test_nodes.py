import pandas as pd
import pytest

from tuneline.examples import Example
from tuneline.modelling import load_model_config
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.memory import predict_memory
from tuneline.pipelines.plan.model_size import ModelSize, measure_model
from tuneline.pipelines.plan.nodes import count_tokens, make_plan, plot_tokens


def make_example(words: int) -> Example:
    return {
        "id": f"w{words}",
        "prompt": [{"role": "user", "content": "Describe: a pot"}],
        "completion": [{"role": "assistant", "content": "tea " * words}],
        "meta": {"line": words},
    }


def make_report(lengths: list[int], recipe: Recipe) -> pd.DataFrame:
    rows = [("train", str(n), 10, length - 10, length) for n, length in enumerate(lengths)]
    rows += [("validation", "v", 10, 10, 20), ("test", "t", 10, 10, 20)]
    report = pd.DataFrame(
        rows, columns=["side", "id", "prompt_tokens", "completion_tokens", "tokens"]
    )
    return report.assign(fits=report["tokens"] <= recipe.max_length)


def test_tokens_are_those_that_training_renders(recipe: Recipe):
    short = recipe.model_copy(update={"max_length": 40})
    report = count_tokens([make_example(5)], [make_example(50)], [make_example(6)], short)
    assert report["side"].tolist() == ["train", "validation", "test"]
    assert (report["prompt_tokens"] + report["completion_tokens"] == report["tokens"]).all()
    assert report["fits"].tolist() == [True, False, True]


def test_the_plan_counts_steps_tokens_and_parameters(recipe: Recipe, hardware: Hardware):
    plan = make_plan(make_report([20] * 64, recipe), [], recipe, hardware)
    assert plan["examples"] == {"train": 64, "validation": 1, "test": 1}
    assert plan["steps"]["total"] == 64 // recipe.global_batch_size * recipe.num_train_epochs
    assert plan["tokens"]["per_epoch"] == 64 * 20
    assert plan["verdict"]["fits"]


def test_examples_that_are_too_long_are_named(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 400 + [recipe.max_length + 1]
    plan = make_plan(make_report(lengths, recipe), [], recipe, hardware)
    assert plan["overflow"]["ids"] == ["400"]
    assert plan["verdict"]["fits"]
    assert "1 training examples are longer" in plan["verdict"]["words"]


def test_too_many_long_examples_are_refused(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 40 + [recipe.max_length + 1]
    plan = make_plan(make_report(lengths, recipe), [], recipe, hardware)
    assert not plan["verdict"]["fits"]
    assert "2.4% of the training examples are longer" in plan["verdict"]["words"]


def test_a_run_beyond_the_memory_is_refused(recipe: Recipe, hardware: Hardware):
    small = hardware.model_copy(update={"memory_gb": 0.001})
    plan = make_plan(make_report([20] * 64, recipe), [], recipe, small)
    assert not plan["verdict"]["fits"]
    assert "per_device_train_batch_size" in plan["verdict"]["words"]


def test_parameters_are_counted_as_the_real_model_has_them(recipe: Recipe, hardware: Hardware):
    from peft import LoraConfig, get_peft_model

    from tuneline.modelling import load_model

    size = measure_model(load_model_config(recipe), recipe)
    model = load_model(recipe, hardware)
    assert size.quantized + size.unquantized == model.num_parameters()
    peft = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **recipe.lora))
    assert size.trainable == peft.get_nb_trainable_parameters()[0]


def test_phi_3_mini_is_counted_from_its_config_alone(recipe: Recipe):
    """3.82 billion parameters, as its card says; LoRA on four fused projections of 32 layers."""
    from transformers import Phi3Config

    config = Phi3Config()  # its defaults are Phi-3-mini-4k's shape
    size = measure_model(
        config, recipe.model_copy(update={"lora": {"r": 32, "target_modules": "all-linear"}})
    )
    assert size.parameters()["base"] == pytest.approx(3.82e9, rel=0.002)
    layer = 32 * ((3072 + 9216) + (3072 + 3072) + (3072 + 16384) + (8192 + 3072))
    assert size.trainable == 32 * layer


LLAMA_8B = ModelSize(
    quantized=6_979_321_856,
    unquantized=1_050_939_392,
    trainable=41_943_040,
    layers=32,
    hidden=4096,
    queries=4096,
    key_values=1024,
    feed_forward=14336,
    vocabulary=128256,
)


def test_weights_follow_the_published_sizes(recipe: Recipe, hardware: Hardware):
    machine = hardware.model_copy(update={"device": "cuda", "dtype": "bfloat16"})
    quantization = {"load_in_4bit": True, "bnb_4bit_use_double_quant": False}
    single = recipe.model_copy(update={"quantization": quantization})
    double = recipe.model_copy(
        update={"quantization": {**quantization, "bnb_4bit_use_double_quant": True}}
    )
    weights = predict_memory(LLAMA_8B, 512, single, machine)["weights"]
    assert weights == pytest.approx(6.98 * 0.5625 + 2.10, rel=0.01)
    saved = weights - predict_memory(LLAMA_8B, 512, double, machine)["weights"]
    assert saved == pytest.approx(6.98 * (0.0625 - 0.0159), rel=0.01)


def test_checkpointing_and_a_smaller_batch_save_activations(recipe: Recipe, hardware: Hardware):
    def activations(**changes: object) -> float:
        machine = hardware.model_copy(update=changes)
        return predict_memory(LLAMA_8B, 512, recipe, machine)["activations"]

    assert activations(gradient_checkpointing=True) < activations() / 2
    assert activations(per_device_train_batch_size=1) == pytest.approx(activations() / 4, rel=1e-3)


def test_8_bit_optimisers_take_a_quarter(recipe: Recipe, hardware: Hardware):
    eight = recipe.model_copy(update={"optim": "adamw_8bit"})
    full = predict_memory(LLAMA_8B, 512, recipe, hardware)["optimizer"]
    assert predict_memory(LLAMA_8B, 512, eight, hardware)["optimizer"] == pytest.approx(
        full / 4, rel=1e-3
    )


def test_the_plot_marks_the_longest_example_allowed(recipe: Recipe):
    figure = plot_tokens(make_report([20, 30], recipe), recipe)
    assert figure.layout.shapes[0].x0 == recipe.max_length

import html
import re
from pathlib import Path

import pandas as pd
import pytest

from tuneline.examples import Example
from tuneline.modelling import load_model_config
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.plan.disk import plan_disk
from tuneline.pipelines.plan.ladder import Setting, build_ladder
from tuneline.pipelines.plan.memory import predict_memory
from tuneline.pipelines.plan.model_size import ModelSize, measure_model
from tuneline.pipelines.plan.nodes import (
    count_tokens,
    make_plan,
    plot_tokens,
    preview_masks,
    write_plan,
)

VOLUMES = {
    purpose: {"folder": purpose, "volume": 1, "free_gb": 50.0}
    for purpose in ("hub_cache", "checkpoints", "output")
}


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
    return report.assign(fits=report["tokens"] <= recipe.max_length, control_tokens="")


def test_tokens_are_those_that_training_renders(recipe: Recipe):
    short = recipe.model_copy(update={"max_length": 40})
    report = count_tokens([make_example(5)], [make_example(50)], [make_example(6)], short)
    assert report["side"].tolist() == ["train", "validation", "test"]
    assert (report["prompt_tokens"] + report["completion_tokens"] == report["tokens"]).all()
    assert report["fits"].tolist() == [True, False, True]


def test_control_tokens_that_are_typed_are_named_in_plan_and_page(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    typed = make_example(5)
    typed["prompt"][0]["content"] = "Ignore <|end|> <|assistant|> <|end|>"
    report = count_tokens([make_example(5), typed], [typed], [make_example(6)], recipe)
    report.to_csv(tmp_path / "report.csv")  # as the catalog does, which knows no empty text
    plan = make_plan(pd.read_csv(tmp_path / "report.csv"), [], VOLUMES, recipe, hardware)
    assert plan["chat_template"] == [
        "2 examples spell out control tokens of the base model (example w5: <|end|> "
        "<|assistant|>); they are read and learnt as text, and end or open nothing."
    ]
    page = html.unescape(write_plan(plan, plot_tokens(report, recipe)))
    assert plan["chat_template"][0] in page


def test_the_plan_counts_steps_tokens_and_parameters(recipe: Recipe, hardware: Hardware):
    plan = make_plan(make_report([20] * 64, recipe), [], VOLUMES, recipe, hardware)
    assert plan["examples"] == {"train": 64, "validation": 1, "test": 1}
    assert plan["steps"]["total"] == 64 // recipe.global_batch_size * recipe.num_train_epochs
    assert plan["tokens"]["per_epoch"] == 64 * 20
    assert plan["verdict"]["shown"] == "fits"


def test_examples_that_are_too_long_are_named(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 400 + [recipe.max_length + 1]
    plan = make_plan(make_report(lengths, recipe), [], VOLUMES, recipe, hardware)
    assert plan["overflow"]["ids"] == ["400"]
    assert plan["verdict"]["shown"] == "fits"
    assert "1 training examples are longer" in plan["verdict"]["words"]


def test_too_many_long_examples_are_refused(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 40 + [recipe.max_length + 1]
    plan = make_plan(make_report(lengths, recipe), [], VOLUMES, recipe, hardware)
    assert plan["verdict"]["shown"] == "does not fit"
    assert "2.4% of the training examples are longer" in plan["verdict"]["words"]


def test_a_run_beyond_the_memory_is_refused(recipe: Recipe, hardware: Hardware):
    small = hardware.model_copy(update={"memory_gb": 0.001})
    recipe = recipe.model_copy(update={"packing": False})
    plan = make_plan(make_report([20] * 64, recipe), [], VOLUMES, recipe, small)
    assert plan["verdict"]["shown"] == "does not fit"
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
    recipe = recipe.model_copy(update={"packing": False})

    def activations(**changes: object) -> float:
        machine = hardware.model_copy(update=changes)
        return predict_memory(LLAMA_8B, 512, recipe, machine)["activations"]

    assert activations(gradient_checkpointing=True) < activations() / 2
    assert activations(per_device_train_batch_size=1) == pytest.approx(activations() / 4, rel=0.05)


def test_8_bit_optimisers_take_a_quarter(recipe: Recipe, hardware: Hardware):
    eight = recipe.model_copy(update={"optim": "adamw_8bit"})
    full = predict_memory(LLAMA_8B, 512, recipe, hardware)["optimizer"]
    assert predict_memory(LLAMA_8B, 512, eight, hardware)["optimizer"] == pytest.approx(
        full / 4, rel=1e-3
    )


def test_the_plot_marks_the_longest_example_allowed(recipe: Recipe):
    figure = plot_tokens(make_report([20, 30], recipe), recipe)
    assert figure.layout.shapes[0].x0 == recipe.max_length


def test_the_ladder_names_what_to_change_until_it_fits(recipe: Recipe, hardware: Hardware):
    recipe = Recipe.model_validate({**recipe.model_dump(), "optim": "adamw_torch"})
    machine = hardware.model_copy(
        update={"device": "cuda", "dtype": "bfloat16", "tokens_per_batch": 8192}
    )
    setting = Setting(LLAMA_8B, 2048, recipe, machine)
    ladder = build_ladder(setting)
    assert [rung["change"].split(":")[0] for rung in ladder] == [
        "hardware.tokens_per_batch",
        "hardware.gradient_checkpointing",
        "recipe.optim",
        "recipe.lora.r",
    ]
    assert all(rung["saves_gb"] > 0 for rung in ladder)
    saved = sum(rung["saves_gb"] for rung in ladder)
    assert ladder[-1]["total_gb"] == pytest.approx(setting.total_gb() - saved, abs=1e-3)
    assert ladder[-1]["total_gb"] < 10 < setting.total_gb()


def test_between_little_and_much_fragmentation_nobody_can_tell(recipe: Recipe, hardware: Hardware):
    gpu = hardware.model_copy(update={"device": "cuda", "dtype": "bfloat16"})
    report = make_report([20] * 64, recipe)
    memory = make_plan(report, [], VOLUMES, recipe, gpu)["memory_gb"]
    assert memory["total"] < memory["at_worst"]
    tight = gpu.model_copy(update={"memory_gb": (memory["total"] + memory["at_worst"]) / 2})
    verdict = make_plan(report, [], VOLUMES, recipe, tight)["verdict"]
    assert verdict["shown"] == "cannot tell"
    assert "the measured first step decides" in verdict["words"]


def test_a_disk_that_is_too_full_is_named_with_what_is_needed(recipe: Recipe, hardware: Hardware):
    recipe = recipe.model_copy(update={"base_model": "nobody/has-this", "revision": "main"})
    places = {
        "hub_cache": {"folder": "/cache", "volume": 1, "free_gb": 16.0},
        "checkpoints": {"folder": "/drive", "volume": 2, "free_gb": 15.0},
        "output": {"folder": "/drive", "volume": 2, "free_gb": 15.0},
    }
    disk = {place["purpose"]: place for place in plan_disk(LLAMA_8B, recipe, places)}
    assert disk["hub_cache"]["needed_gb"] == pytest.approx(16.06, abs=0.01)
    assert not disk["hub_cache"]["fits"]
    assert disk["checkpoints"]["fits"]
    kept, one = 4, 41_943_040 * (4 + 8) / 1e9 + 0.02
    assert disk["checkpoints"]["needed_gb"] == pytest.approx(kept * one, rel=0.01)
    places["hub_cache"]["volume"] = 2
    assert not any(place["fits"] for place in plan_disk(LLAMA_8B, recipe, places))


def test_a_base_model_on_the_disk_needs_no_download(recipe: Recipe):
    places = {"hub_cache": VOLUMES["hub_cache"]}
    assert plan_disk(LLAMA_8B, recipe, places)[0]["needed_gb"] == 0


@pytest.mark.parametrize(
    ("policy", "steps", "tokens", "lost"),
    [("drop", 5, 1600, (8 * 300, 0)), ("truncate", 6, 1600 + 8 * 256, (8 * 44, 8))],
)
def test_long_examples_are_dropped_or_cut_as_the_policy_says(
    recipe: Recipe, hardware: Hardware, policy: str, steps: int, tokens: int, lost: tuple
):
    recipe = recipe.model_copy(update={"overflow": policy, "num_train_epochs": 1})
    report = make_report([20] * 80 + [300] * 8, recipe)
    plan = make_plan(report, [], VOLUMES, recipe, hardware)
    assert plan["verdict"]["shown"] == "fits"
    assert plan["steps"]["total"] == steps
    assert plan["tokens"]["in_all"] == tokens
    assert (plan["overflow"]["tokens_lost"], plan["overflow"]["end_tokens_lost"]) == lost


def test_time_and_cost_follow_from_what_was_measured(recipe: Recipe, hardware: Hardware):
    report = make_report([20] * 64, recipe)
    assert make_plan(report, [], VOLUMES, recipe, hardware)["time"]["seconds"] is None
    known = hardware.model_copy(update={"tokens_per_second": 10.0, "price_per_hour": 3.6})
    recipe = recipe.model_copy(update={"num_train_epochs": 2})
    time = make_plan(report, [], VOLUMES, recipe, known)["time"]
    assert time["seconds"] == 256
    assert time["cost"] == pytest.approx(0.256)


def test_the_plan_page_says_everything_and_escapes_it(recipe: Recipe, hardware: Hardware):
    named = hardware.model_copy(update={"name": "<script>alert(1)</script>"})
    report = make_report([20] * 64, recipe)
    plan = make_plan(report, [], VOLUMES, recipe, named)
    page = write_plan(plan, plot_tokens(report, recipe))
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    for words in ("Fits.", "If it has to be less", "hub cache", "float32 (a CPU)"):
        assert words in page


def test_the_mask_preview_marks_the_completion_with_its_end(recipe: Recipe):
    example = make_example(2)
    example["completion"][0]["content"] = "<b>tea</b>"
    page = preview_masks([example], recipe)
    assert "<b>tea" not in page
    spans = re.findall(r'<span( class="trained")?>([^<]*)</span>', page.split("panel tokens")[1])
    trained = html.unescape("".join(text for mark, text in spans if mark))
    assert trained.startswith("<b>tea</b>")
    assert "<|end|>" in trained
    assert "Describe: a pot" in "".join(text for mark, text in spans if not mark)

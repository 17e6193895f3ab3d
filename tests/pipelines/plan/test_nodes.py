import html
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.base_models import make_base, make_config
from tests.conftest import MAIN, run
from tuneline.checks.merged_settings import Setting
from tuneline.examples import Example
from tuneline.models.architecture import (
    build_empty,
    find_packing_obstacle,
    make_lora_config,
    measure_context,
)
from tuneline.models.loading import load_model_config
from tuneline.parameters import Evaluation, Hardware, Prompt, Recipe
from tuneline.pipelines.plan.advice import PlannedRun, list_savings
from tuneline.pipelines.plan.estimates import measure_disks, plan_disk
from tuneline.pipelines.plan.memory_estimate import ModelSize, measure_model, predict_memory
from tuneline.pipelines.plan.nodes import make_plan, preview_masks
from tuneline.pipelines.plan.plan_page import render_plan
from tuneline.pipelines.plan.token_counts import count_tokens, plot_tokens
from tuneline.utils.disks import Volume

pytestmark = pytest.mark.slow

EVALUATION = Evaluation(title="Tea", generation={"max_new_tokens": 48})
PROMPT = Prompt(prompt="{name}", completion="{text}")
FOLDERS = Path("data/06_models/checkpoints"), Path("data/06_models/adapter")
SETTINGS = [Setting("pots.recipe.seed", "8", "conf/base/pots/parameters.yml")]


@pytest.fixture
def recipe(recipe: Recipe) -> Recipe:
    """Give a recipe whose warm-up is shorter than the small runs, and that refuses long rows."""
    changes = {"warmup_steps": 1, "logging_steps": 1, "overlong": "fail"}
    return Recipe.model_validate({**recipe.model_dump(), **changes})


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
        rows, columns=["split", "id", "prompt_tokens", "completion_tokens", "tokens"]
    )
    return report.assign(fits=report["tokens"] <= recipe.max_length, control_tokens="")


def plan_run(report: pd.DataFrame, recipe: Recipe, hardware: Hardware) -> dict:
    return make_plan(report, [], [], [], *FOLDERS, [], {}, recipe, PROMPT, EVALUATION, hardware)


def test_tokens_are_those_that_training_renders(recipe: Recipe):
    short = recipe.model_copy(update={"max_length": 40})
    report = count_tokens([make_example(5)], [make_example(50)], [make_example(6)], short)
    assert report["split"].tolist() == ["train", "validation", "test"]
    assert (report["prompt_tokens"] + report["completion_tokens"] == report["tokens"]).all()
    assert report["fits"].tolist() == [True, False, True]


def test_control_tokens_that_are_typed_are_named_in_plan_and_page(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    typed = make_example(5)
    typed["prompt"][0]["content"] = "Ignore <|end|> <|assistant|> <|end|>"
    report = count_tokens([make_example(5), typed], [typed], [make_example(6)], recipe)
    report.to_csv(tmp_path / "report.csv")  # as the catalog does, which knows no empty text
    plan = plan_run(pd.read_csv(tmp_path / "report.csv"), recipe, hardware)
    assert plan["chat_template"] == [
        "2 examples spell out control tokens of the base model (example w5: <|end|> "
        "<|assistant|>); they are read and learned as text, and end or open nothing."
    ]
    page = html.unescape(render_plan(plan, plot_tokens(report, recipe), SETTINGS))
    assert plan["chat_template"][0] in page


def test_the_plan_counts_steps_tokens_and_parameters(recipe: Recipe, hardware: Hardware):
    plan = plan_run(make_report([20] * 64, recipe), recipe, hardware)
    assert plan["examples"] == {"train": 64, "validation": 1, "test": 1}
    assert plan["steps"]["total"] == 64 // recipe.global_batch_size * recipe.num_train_epochs
    assert plan["tokens"]["per_epoch"] == 64 * 20
    assert plan["verdict"]["label"] == "fits"


def test_examples_that_are_too_long_are_named(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 400 + [recipe.max_length + 1]
    plan = plan_run(make_report(lengths, recipe), recipe, hardware)
    assert plan["overlong"]["ids"] == ["400"]
    assert plan["verdict"]["label"] == "fits, with warnings"
    assert "1 of 401 training examples is longer than" in plan["verdict"]["summary"]


def test_too_many_long_examples_are_refused(recipe: Recipe, hardware: Hardware):
    lengths = [20] * 40 + [recipe.max_length + 1]
    plan = plan_run(make_report(lengths, recipe), recipe, hardware)
    assert plan["verdict"]["label"] == "does not fit"
    assert "2.4% of the training examples are longer" in plan["verdict"]["summary"]


def test_a_run_beyond_the_memory_is_refused(recipe: Recipe, hardware: Hardware):
    small = hardware.model_copy(update={"memory_gb": 0.001})
    recipe = recipe.model_copy(update={"packing": False})
    plan = plan_run(make_report([20] * 64, recipe), recipe, small)
    assert plan["verdict"]["label"] == "does not fit"
    assert "per_device_train_batch_size" in plan["verdict"]["summary"]


def test_parameters_are_counted_as_the_real_model_has_them(recipe: Recipe, hardware: Hardware):
    from peft import LoraConfig, get_peft_model

    from tuneline.models.loading import load_model

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


def test_the_savings_names_what_to_change_until_it_fits(recipe: Recipe, hardware: Hardware):
    recipe = Recipe.model_validate({**recipe.model_dump(), "optim": "adamw_torch"})
    machine = hardware.model_copy(
        update={"device": "cuda", "dtype": "bfloat16", "tokens_per_batch": 8192}
    )
    setting = PlannedRun(LLAMA_8B, 2048, recipe, machine)
    savings = list_savings(setting)
    assert [saving["change"].split(":")[0] for saving in savings] == [
        "hardware.tokens_per_batch",
        "hardware.gradient_checkpointing",
        "recipe.optim",
        "recipe.lora.r",
    ]
    assert all(saving["saves_gb"] > 0 for saving in savings)
    saved = sum(saving["saves_gb"] for saving in savings)
    assert savings[-1]["total_gb"] == pytest.approx(setting.total_gb() - saved, abs=1e-3)
    assert savings[-1]["total_gb"] < 10 < setting.total_gb()


def test_between_little_and_much_fragmentation_nobody_can_tell(recipe: Recipe, hardware: Hardware):
    gpu = hardware.model_copy(update={"device": "cuda", "dtype": "bfloat16"})
    report = make_report([20] * 64, recipe)
    memory = plan_run(report, recipe, gpu)["memory_gb"]
    assert memory["total"] < memory["worst_case"]
    tight = gpu.model_copy(update={"memory_gb": (memory["total"] + memory["worst_case"]) / 2})
    verdict = plan_run(report, recipe, tight)["verdict"]
    assert verdict["label"] == "cannot tell"
    assert "the measured first step decides" in verdict["summary"]


def test_a_disk_that_is_too_full_is_named_with_what_is_needed(recipe: Recipe, hardware: Hardware):
    recipe = recipe.model_copy(update={"base_model": "nobody/has-this", "revision": "main"})
    places = {
        "hub_cache": Volume(Path("/cache"), Path("/"), device=1, free=16 * 10**9),
        "checkpoints": Volume(Path("/drive"), Path("/drive"), device=2, free=15 * 10**9),
        "output": Volume(Path("/drive"), Path("/drive"), device=2, free=15 * 10**9),
    }
    disk = {place["purpose"]: place for place in plan_disk(LLAMA_8B, recipe, places)}
    assert disk["hub_cache"]["needed_gb"] == pytest.approx(16.06, abs=0.01)
    assert not disk["hub_cache"]["fits"]
    assert disk["checkpoints"]["fits"]
    kept, one = 4, 41_943_040 * (4 + 8) / 1e9 + 0.02
    assert disk["checkpoints"]["needed_gb"] == pytest.approx(kept * one, rel=0.01)
    places["hub_cache"] = replace(places["hub_cache"], device=2)
    assert not any(place["fits"] for place in plan_disk(LLAMA_8B, recipe, places))


def test_a_base_model_on_the_disk_needs_no_download(recipe: Recipe):
    disks = measure_disks(*FOLDERS)
    assert plan_disk(LLAMA_8B, recipe, disks)[0]["needed_gb"] == 0


def test_free_space_is_that_of_the_disk_on_which_a_folder_will_lie(tmp_path: Path):
    disks = measure_disks(tmp_path, tmp_path / "not/yet/there")
    assert disks["output"].free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    assert disks["output"].device == tmp_path.stat().st_dev
    assert disks["hub_cache"].folder.name == "hub"


def test_the_adapter_needs_space_where_the_catalog_puts_it(project: Path, tmp_path: Path):
    entry = {"type": "tuneline.datasets.AdapterDataset", "versioned": True}
    stated = {f"{MAIN}.adapter": {**entry, "filepath": str(tmp_path / "elsewhere")}}
    (project / "conf/local/catalog.yml").write_text(yaml.safe_dump(stated), "utf-8")
    run(project, "prepare")
    run(project, "plan")
    plan = json.loads((project / f"data/test/08_reporting/{MAIN}/plan.json").read_bytes())
    folders = {one["purpose"]: one["folder"] for one in plan["disk"]}
    assert folders["output"] == str(tmp_path / "elsewhere")
    assert folders["checkpoints"] == f"data/test/06_models/{MAIN}/checkpoints"


@pytest.mark.parametrize(
    ("policy", "steps", "tokens", "lost"),
    [("drop", 5, 1600, (8 * 300, 0)), ("truncate", 6, 1600 + 8 * 256, (8 * 44, 8))],
)
def test_long_examples_are_dropped_or_cut_as_the_policy_says(
    recipe: Recipe, hardware: Hardware, policy: str, steps: int, tokens: int, lost: tuple
):
    recipe = recipe.model_copy(update={"overlong": policy, "num_train_epochs": 1})
    report = make_report([20] * 80 + [300] * 8, recipe)
    plan = plan_run(report, recipe, hardware)
    assert plan["verdict"]["label"] == "fits, with warnings"
    assert plan["steps"]["total"] == steps
    assert plan["tokens"]["in_all"] == tokens
    assert (plan["overlong"]["tokens_lost"], plan["overlong"]["end_tokens_lost"]) == lost


def test_the_plan_page_says_everything_and_escapes_it(recipe: Recipe, hardware: Hardware):
    named = hardware.model_copy(update={"name": "<script>alert(1)</script>"})
    report = make_report([20] * 64, recipe)
    plan = plan_run(report, recipe, named)
    rule = {"key": "learning_rate", "value": 1e-4, "reason": "Short.", "source": "A paper"}
    plan |= {"chosen": [rule], "stated": [rule | {"auto": 5e-4}]}
    page = render_plan(plan, plot_tokens(report, recipe), SETTINGS)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    for words in (
        "Ready.",
        "If it has to be less",
        "hub cache",
        f"{hardware.dtype} (",
        "would be 0.0005",
    ):
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


def test_a_share_of_trained_parameters_is_of_the_total_that_is_named(recipe: Recipe):
    size = LLAMA_8B.parameters()
    assert size["total"] == size["base"] + size["trainable"]
    assert size["trainable_share"] == pytest.approx(size["trainable"] / size["total"], abs=1e-6)


def plan_lengths(recipe: Recipe, hardware: Hardware, lengths: list[int], **splits: list[int]):
    """Plan a run; the prompts have 10 tokens."""
    report = make_report(lengths, recipe)
    for split, others in splits.items():
        rows = pd.DataFrame(
            {"split": split, "id": [f"{split}{n}" for n in others], "tokens": others}
        )
        rows = rows.assign(prompt_tokens=10, completion_tokens=rows["tokens"] - 10)
        report = pd.concat([report, rows.assign(fits=rows["tokens"] <= recipe.max_length)])
    return plan_run(report, recipe, hardware)


def test_examples_longer_than_the_base_model_reads_are_named(recipe: Recipe, hardware: Hardware):
    """The tiny base model reads 1,024 tokens."""
    recipe = recipe.model_copy(update={"max_length": 4096})
    plan = plan_lengths(recipe, hardware, [20] * 63 + [3929], validation=[1025, 1024], test=[1100])
    words = plan["verdict"]["summary"]
    assert plan["verdict"]["label"] == "fits, with warnings"
    assert "1 training example is longer than the 1,024 tokens" in words
    assert "1 validation example is longer than the 1,024 tokens" in words
    assert "weak beyond them: test1100." in words
    assert "recipe.max_length = 4096 is more than the 1,024 tokens" in words


def test_held_out_prompts_without_room_for_an_answer_are_named(recipe: Recipe, hardware: Hardware):
    """An answer may have 48 tokens."""
    report = make_report([20] * 64, recipe)
    long = report["split"] == "test"
    for prompt, named in ((1024 - 48, 0), (1024 - 47, 1)):
        report = report.assign(prompt_tokens=report["prompt_tokens"].mask(long, prompt))
        plan = plan_run(report, recipe, hardware)
        assert len(plan["context"]["answers"]) == named
        assert ("1 test prompt with an answer of 48 tokens" in plan["verdict"]["summary"]) == bool(
            named
        )


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        ({}, 1024),
        ({"sliding_window": 16}, 1024),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}}, 4096),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, 2048),
        (
            {
                "rope_parameters": {
                    "rope_type": "llama3",
                    "factor": 8.0,
                    "rope_theta": 1e4,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 256,
                }
            },
            1024,
        ),
    ],
)
def test_what_a_model_reads_follows_its_positions(changes: dict, context: int):
    from transformers import MistralConfig

    assert measure_context(MistralConfig(max_position_embeddings=1024, **changes)) == context


@pytest.mark.parametrize("kind", ["gemma3", "gemma4", "qwen3_5", "llama4"])
def test_the_context_of_a_model_for_more_than_text_is_its_texts(kind: str):
    config = make_config(kind)
    assert measure_context(config) == config.get_text_config().max_position_embeddings


def test_a_model_without_positions_reads_any_number():
    assert measure_context(make_config("bloom")) is None


@pytest.mark.parametrize(
    ("kind", "context", "fails"),
    [("gpt2", 1024, True), ("opt", 2048, True), ("llama", 2048, False), ("bloom", None, False)],
)
def test_a_model_with_learned_positions_fails_beyond_them(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, kind: str, context: int, fails: bool
):
    base = make_base(tmp_path / kind, kind, weights=False)
    changes = {"base_model": str(base), "max_length": 4096, "packing": False}
    plan = plan_lengths(recipe.model_copy(update=changes), hardware, [20] * 64 + [3000])
    assert plan["context"]["tokens"] == context
    assert (plan["verdict"]["label"] == "does not fit") == fails
    assert ("it has positions for; it fails at the next one" in plan["verdict"]["summary"]) == fails


@pytest.mark.parametrize("policy", ["truncate", "drop", "fail"])
def test_a_length_that_leaves_nothing_does_not_fit(recipe: Recipe, hardware: Hardware, policy: str):
    changes = {"max_length": 9, "overlong": policy, "max_overlong_fraction": 1}
    plan = plan_lengths(recipe.model_copy(update=changes), hardware, [20] * 64)
    assert plan["verdict"]["label"] == "does not fit"
    assert "recipe.max_length = 9: no training example is used: " in plan["verdict"]["summary"]
    reason = "no prompt leaves room for an answer" if policy == "truncate" else "all of them are"
    assert reason in plan["verdict"]["summary"]


def test_a_validation_split_of_which_nothing_is_left_does_not_fit(
    recipe: Recipe, hardware: Hardware
):
    short = recipe.model_copy(update={"max_length": 15, "overlong": "drop"})
    plan = plan_lengths(short, hardware, [12] * 64)
    assert "no validation example is used: all of them are longer" in plan["verdict"]["summary"]


def test_what_is_left_out_and_cut_is_counted_by_split(recipe: Recipe, hardware: Hardware):
    recipe = recipe.model_copy(update={"max_length": 256, "overlong": "drop"})
    lengths = {"validation": [30, 300, 400], "test": [500]}
    plan = plan_lengths(recipe, hardware, [20] * 64 + [300], **lengths)
    assert plan["overlong"]["left_out"] == {"train": 1, "validation": 2}
    assert plan["overlong"]["used"] == {"train": 64, "validation": 2}
    words = plan["verdict"]["summary"]
    assert "1 of 65 training examples is longer than recipe.max_length = 256" in words
    assert "2 of 4 validation examples are longer" in words
    assert "left out of the validation loss" in words
    cut = recipe.model_copy(update={"overlong": "truncate"})
    report = make_report([20] * 64 + [300, 300], cut)
    report.loc[64, "prompt_tokens"] = 256
    overlong = plan_run(report, cut, hardware)["overlong"]
    assert (overlong["left_out"]["train"], overlong["cut"]["train"]) == (1, 1)
    assert overlong["tokens_lost"] == 300 + 44
    assert overlong["end_tokens_lost"] == 1


@pytest.mark.parametrize(
    ("examples", "changes", "shown", "words"),
    [
        (4, {"warmup_steps": 0.03}, "does not fit", "the learning rate is 0 in every step"),
        (16, {"warmup_steps": 5}, "does not fit", "(1 in all), since it rises from 0 in 5"),
        (48, {"warmup_steps": 5}, "fits, with warnings", "the learning rate reaches 40% of"),
        (48, {"warmup_steps": 0}, "fits", ""),
        (48, {"warmup_steps": 0.9}, "fits, with warnings", "the learning rate reaches 67% of"),
        (
            4,
            {"warmup_steps": 0},
            "fits, with warnings",
            "global_batch_size = 16 is more than",
        ),
        (
            48,
            {"eval_steps": 500},
            "fits, with warnings",
            "eval_steps = 500 is more than the run has steps (3)",
        ),
        (
            48,
            {"logging_steps": 20},
            "fits, with warnings",
            "logging_steps = 20 is more than the run has steps (3)",
        ),
    ],
)
def test_a_run_too_short_for_its_recipe_is_named(
    recipe: Recipe, hardware: Hardware, examples: int, changes: dict, shown: str, words: str
):
    changes = {"num_train_epochs": 1, **changes}
    recipe = Recipe.model_validate({**recipe.model_dump(), **changes})
    plan = plan_lengths(recipe, hardware, [20] * examples)
    assert plan["verdict"]["label"] == shown, plan["verdict"]["summary"]
    assert words in plan["verdict"]["summary"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("bloom", "takes no positions"),
        ("mpt", "takes no positions"),
        ("falcon", "lets packed examples read each other"),
        ("qwen3_5", "has layers of the kind linear_attention"),
        ("gpt2", None),
        ("gemma3", None),
    ],
)
def test_a_model_whose_packed_examples_are_not_kept_apart_is_not_packed(kind: str, why: str | None):
    config = make_config(kind)
    assert find_packing_obstacle(config, build_empty(config)) == why


@pytest.mark.parametrize("kind", ["gpt2", "opt", "falcon", "bloom", "gemma3", "gemma4", "qwen3_5"])
def test_every_architecture_is_counted_as_it_is_loaded(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, kind: str
):
    """Against the quantized model itself, with the adapter that the trainer would put on it."""
    from bitsandbytes.nn import Linear4bit
    from peft import get_peft_model

    from tuneline.models.loading import load_model

    base = make_base(tmp_path / kind, kind)
    recipe = recipe.model_copy(update={"base_model": str(base)})
    size = measure_model(load_model_config(recipe), recipe)
    small = {"attn_implementation": "auto", "memory_gb": 0.0001}  # in which 4 bits stay 4 bits
    model = load_model(recipe, hardware.model_copy(update=small))
    layers = [one for one in model.modules() if isinstance(one, Linear4bit)]
    assert size.quantized == sum(one.weight.quant_state.shape.numel() for one in layers)
    assert size.quantized + size.unquantized == model.num_parameters()
    adapted = get_peft_model(model, make_lora_config(recipe, model))
    assert size.trainable == adapted.get_nb_trainable_parameters()[0]
    assert not [
        name for name, _ in adapted.named_parameters() if "vision" in name and "lora" in name
    ]
    assert (size.layers, size.hidden, size.vocabulary) == (2, 64, 8192)


def test_a_divided_model_is_on_the_page_and_the_card(recipe: Recipe, hardware: Hardware):
    on_gpus = hardware.model_copy(update={"device": "cuda", "processes": 2, "fsdp": True})
    report = make_report([20] * 64, recipe)
    plan = plan_run(report, recipe, on_gpus)
    assert plan["sharding"]["divided"]
    page = html.unescape(render_plan(plan, plot_tokens(report, recipe), SETTINGS))
    assert "divided among 2 GPUs" in page
    assert "<td>gathered</td>" in page
    alone = plan_run(report, recipe, hardware)
    assert alone["sharding"] is None
    assert "gathered" not in render_plan(alone, plot_tokens(report, recipe), SETTINGS)

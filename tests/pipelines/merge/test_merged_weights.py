import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
)

from tests.pipelines.merge.adapters import EVALUATION, EXAMPLES, MERGE, judge, make_adapter
from tuneline.datasets import MovedFolderDataset
from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.models.adapter import Adapter
from tuneline.models.loading import identify_base
from tuneline.parameters import Hardware, Merge, Recipe
from tuneline.pipelines.merge.nodes import compare_merged, merge_adapter
from tuneline.pipelines.merge.output_files import read_merged

pytestmark = pytest.mark.slow

SMALL = {
    "vocab_size": 4096,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
KINDS = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"down_proj": 32}},
    "head as a trained copy": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}

NF4 = {"bnb_4bit_quant_type": "nf4"}
TWICE = {**NF4, "bnb_4bit_use_double_quant": True}
QUANTIZATIONS = {
    "NF4": (NF4, "bfloat16"),
    "NF4, double": (TWICE, "float32"),
    "NF4, double, A100": (TWICE, "bfloat16"),
    "NF4, double, T4": (TWICE, "float16"),
    "FP4": ({}, "bfloat16"),
    "a layer left out": ({**NF4, "llm_int8_skip_modules": ["lm_head", "down_proj"]}, "bfloat16"),
}


def merge(
    adapter: Adapter,
    recipe: Recipe,
    hardware: Hardware,
    folder: Path,
    test: list[Example] | None = None,
    judged: Adapter | None = None,
    **changed,
) -> dict:
    """Merge, and compare with an adapter; without examples nothing is compared but by a test."""
    settings = Merge.model_validate(MERGE.model_dump() | changed)
    given = test or [], folder.parent / "merging", recipe, settings, EVALUATION, hardware
    stats = merge_adapter(adapter, *given, judge(adapter))
    merged, comparison = compare_merged(stats, judged or adapter, *given)
    MovedFolderDataset(filepath=str(folder)).save(merged)
    return {**stats, "comparison": comparison}


def place_base(model, recipe: Recipe, folder: Path, **saved) -> Recipe:
    """Save another model with the tiny base's tokenizer; answer with a recipe that names it."""
    model.save_pretrained(folder, **saved)
    AutoTokenizer.from_pretrained(recipe.base_model, trust_remote_code=False).save_pretrained(
        folder
    )
    return recipe.model_copy(update={"base_model": str(folder)})


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    return {k: v for file in folder.glob("*.safetensors") for k, v in load_file(file).items()}


def assert_merged_as_peft_does(folder: Path, model, dtype: torch.dtype = torch.bfloat16) -> None:
    """Compare with PEFT's own merge in float32, rounded once: bit for bit."""
    expected = model.merge_and_unload()
    found = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    assert found.dtype == dtype
    assert found.config.tie_word_embeddings == expected.config.tie_word_embeddings
    state = found.state_dict()
    assert state.keys() == expected.state_dict().keys()
    for name, tensor in expected.state_dict().items():
        assert torch.equal(state[name], tensor.to(dtype)), name


@pytest.mark.parametrize("lora", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_adapter_is_merged_as_peft_does_it(
    lora: dict, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, model = make_adapter(recipe, **lora)
    told = merge(adapter, recipe, hardware, tmp_path / "merged")
    assert told["weights"].startswith("the base model's weights in 4 bits (NF4, double")
    assert_merged_as_peft_does(tmp_path / "merged", model)


def test_the_original_weights_are_taken_when_they_are_asked_for(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, model = make_adapter(recipe, into="original")
    told = merge(adapter, recipe, hardware, tmp_path / "merged", EXAMPLES, into="original")
    assert (told["weights"], told["quantization"]) == ("the base model's original weights", None)
    assert told["comparison"]["summary"].startswith(
        "Loss on the references of 3 held-out prompts: "
    )
    assert_merged_as_peft_does(tmp_path / "merged", model)


def test_a_file_next_to_the_weights_makes_the_base_no_other_one(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    shutil.copytree(recipe.base_model, tmp_path / "base")
    mine = recipe.model_copy(update={"base_model": str(tmp_path / "base")})
    save_file({"copy": torch.zeros(2)}, tmp_path / "base/consolidated.safetensors")
    adapter, _ = make_adapter(mine)
    told = merge(adapter, mine, hardware, tmp_path / "merged")
    assert told["merged_into"] == told["base"] == identify_base(mine.base_model, mine.revision)


@pytest.mark.parametrize("into", ["quantized", "original"])
def test_an_adapter_of_a_base_that_is_not_quantized_is_merged_into_what_it_was_judged_with(
    into: str, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    whole = recipe.model_copy(update={"quantization": None})
    adapter, model = make_adapter(whole, into="original")
    told = merge(adapter, whole, hardware, tmp_path / "merged", EXAMPLES, into=into)
    assert (told["weights"], told["quantization"]) == ("the base model's original weights", None)
    assert told["comparison"]["summary"].startswith("3 of its 3 answers are those of the judged")
    assert_merged_as_peft_does(tmp_path / "merged", model)
    assert merge(adapter, whole, hardware, tmp_path / "alone", into=into)["quantization"] is None


@pytest.mark.parametrize(("settings", "dtype"), QUANTIZATIONS.values(), ids=QUANTIZATIONS.keys())
def test_the_base_is_quantized_as_transformers_does_it(
    settings: dict, dtype: str, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    """In the formats of every machine: a float32 base has other codes when it is rounded first."""
    torch.manual_seed(0)
    named = place_base(LlamaForCausalLM(LlamaConfig(**SMALL)), recipe, tmp_path / "base")
    named = named.model_copy(update={"quantization": {"load_in_4bit": True, **settings}})
    adapter, model = make_adapter(named, dtype=dtype, target_modules=["q_proj", "down_proj"])
    merge(adapter, named, hardware, tmp_path / "merged", dtype="float32")
    merged = model.merge_and_unload().state_dict()
    found = AutoModelForCausalLM.from_pretrained(
        tmp_path / "merged", trust_remote_code=False
    ).state_dict()
    layers = [name for name in merged if "_proj" in name]
    assert len(layers) == 14
    for name in layers:
        assert torch.equal(found[name], merged[name]), name
    # All else keeps the digits of the file, which the training had rounded to `dtype`.
    stored = LlamaForCausalLM.from_pretrained(
        named.base_model, trust_remote_code=False
    ).state_dict()
    for name in merged.keys() - {*layers}:
        assert torch.equal(found[name], stored[name]), name


def test_layers_that_hold_their_weight_transposed(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=4096, n_positions=256, n_embd=64, n_layer=2, n_head=4)
    named = place_base(GPT2LMHeadModel(config).to(torch.bfloat16), recipe, tmp_path / "base")
    adapter, model = make_adapter(named)
    merge(adapter, named, hardware, tmp_path / "merged", dtype="float32")
    found = AutoModelForCausalLM.from_pretrained(
        tmp_path / "merged", trust_remote_code=False
    ).state_dict()
    merged = model.merge_and_unload().state_dict()
    assert merged["transformer.h.0.attn.c_attn.weight"].shape == (192, 64)
    for name, tensor in merged.items():
        # GPT-2 stores them (in, out); dequantized they are Linear, (out, in).
        is_transposed = name.endswith(".weight") and (".attn." in name or ".mlp." in name)
        assert torch.equal(found[name], tensor.T if is_transposed else tensor), name


def test_small_files_give_the_same_weights_and_an_index(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    model = AutoModelForCausalLM.from_pretrained(recipe.base_model, trust_remote_code=False)
    sharded = place_base(model, recipe, tmp_path / "base", max_shard_size="1MB")
    assert len(list((tmp_path / "base").glob("*.safetensors"))) > 3
    adapter, peft = make_adapter(sharded)
    told = merge(adapter, sharded, hardware, tmp_path / "merged", max_shard_size="500KB")
    files = {path.name: path for path in (tmp_path / "merged").glob("*.safetensors")}
    index = json.loads((tmp_path / "merged/model.safetensors.index.json").read_text())
    assert told["shards"] == len(files) > 6
    assert set(index["weight_map"].values()) == files.keys()
    largest = max(tensor.nbytes for tensor in read_weights(tmp_path / "merged").values())
    assert max(path.stat().st_size for path in files.values()) < largest + 1e5
    assert_merged_as_peft_does(tmp_path / "merged", peft)


def test_fused_weights_keep_the_names_they_have_on_the_disk(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    torch.manual_seed(0)
    phi = Phi3ForCausalLM(Phi3Config(**SMALL, pad_token_id=0)).to(torch.bfloat16)
    named = place_base(phi, recipe, tmp_path / "base")
    adapter, model = make_adapter(named)
    assert any("qkv_proj" in name for name in adapter.tensors)
    merge(adapter, named, hardware, tmp_path / "merged")
    assert read_weights(tmp_path / "merged").keys() == read_weights(tmp_path / "base").keys()
    assert_merged_as_peft_does(tmp_path / "merged", model)


def test_tied_weights_that_are_stored_twice_part_as_well(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    model = AutoModelForCausalLM.from_pretrained(recipe.base_model, trust_remote_code=False)
    named = place_base(model, recipe, tmp_path / "base")
    file = tmp_path / "base/model.safetensors"
    state = load_file(file)
    save_file({**state, "lm_head.weight": state["model.embed_tokens.weight"].clone()}, file)
    adapter, _ = make_adapter(named, target_modules=["q_proj", "lm_head"])
    merge(adapter, named, hardware, tmp_path / "merged")
    config = json.loads((tmp_path / "merged/config.json").read_text())
    assert not config["tie_word_embeddings"]
    found = read_weights(tmp_path / "merged")
    assert not torch.equal(found["lm_head.weight"], found["model.embed_tokens.weight"])


def test_a_float32_base_becomes_bfloat16_and_says_why(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    torch.manual_seed(0)
    named = place_base(LlamaForCausalLM(LlamaConfig(**SMALL)), recipe, tmp_path / "base")
    adapter, model = make_adapter(named)
    told = merge(adapter, named, hardware, tmp_path / "merged")
    assert told["dtype"] == "bfloat16"
    assert "stored in float32" in told["dtype_reason"]
    assert_merged_as_peft_does(tmp_path / "merged", model)


def test_a_number_beyond_float16_is_refused_and_nothing_is_left(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe, scale=1e6)
    with pytest.raises(TunelineError, match=r"too large for this format.*merge\.dtype=bfloat16"):
        merge(adapter, recipe, hardware, tmp_path / "merged", dtype="float16")
    assert not list((tmp_path / "merging").iterdir())
    merge(adapter, recipe, hardware, tmp_path / "merged", dtype="bfloat16")


def test_the_folder_has_tokenizer_template_end_tokens_and_where_it_comes_from(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe)
    told = merge(adapter, recipe, hardware, tmp_path / "merged")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "merged", trust_remote_code=False)
    assert loaded.chat_template == adapter.tokenizer.chat_template
    generation = json.loads((tmp_path / "merged/generation_config.json").read_text())
    assert generation["eos_token_id"] == [2, 1]
    assert "quantization_config" not in json.loads((tmp_path / "merged/config.json").read_text())
    provenance = json.loads((tmp_path / "merged/provenance.json").read_text())
    assert provenance["adapter"] == adapter.provenance
    assert provenance["merged"]["adapter"] == told["adapter"]
    assert told["comparison"]["rounding"] is None
    assert "not compared" in told["comparison"]["summary"]


def test_a_comparison_that_was_stopped_is_made_again(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe)
    given = [], tmp_path / "merging", recipe, MERGE, EVALUATION, hardware
    stats = merge_adapter(adapter, *given, judge(adapter))
    for _ in range(2):
        folder, _ = compare_merged(stats, adapter, *given)
    assert read_merged(folder)["adapter"] == stats["adapter"]
    assert merge_adapter(adapter, *given, judge(adapter))["bytes"] == stats["bytes"]
    assert not (folder / "provenance.json").exists()


def test_files_next_to_the_weights_come_along_as_the_base_has_them(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    """llama.cpp reads Phi-3's vocabulary from tokenizer.model, and Ollama that of all its kind."""
    model = AutoModelForCausalLM.from_pretrained(recipe.base_model, trust_remote_code=False)
    named = place_base(model, recipe, tmp_path / "base")
    (tmp_path / "base/tokenizer.model").write_bytes(b"pieces")
    # Llama-2 and many others: transformers refuses to save what it has loaded.
    stated = {"temperature": 0.9, "top_p": 0.6}
    (tmp_path / "base/generation_config.json").write_text(json.dumps(stated))
    adapter, _ = make_adapter(named)
    merge(adapter, named, hardware, tmp_path / "merged")
    assert (tmp_path / "merged/tokenizer.model").read_bytes() == b"pieces"
    generation = json.loads((tmp_path / "merged/generation_config.json").read_text())
    assert generation.items() >= (stated | {"eos_token_id": [2, 1]}).items()
    loaded = AutoTokenizer.from_pretrained(tmp_path / "merged", trust_remote_code=False)
    assert loaded("A spoon.") == adapter.tokenizer("A spoon.")

"""What a merge refuses, in a sentence, with nothing left."""

import json
import resource
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from tests.pipelines.merge.adapters import EXAMPLES, make_adapter
from tests.pipelines.merge.test_merged_weights import SMALL, merge, place_base
from tuneline.errors import TunelineError
from tuneline.models.loading import identify_base
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.merge import merge_plan, smoke_test
from tuneline.utils.disks import Volume

pytestmark = pytest.mark.slow


@pytest.fixture
def copied(recipe: Recipe, tmp_path: Path) -> Recipe:
    """A recipe whose base model is a copy that a test may break."""
    model = AutoModelForCausalLM.from_pretrained(recipe.base_model, trust_remote_code=False)
    return place_base(model, recipe, tmp_path / "base", max_shard_size="1MB")


def change_config(folder: str, **values: object) -> None:
    path = Path(folder) / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_quantized_base_is_refused_and_its_original_taken(
    copied: Recipe, recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(copied)
    change_config(
        copied.base_model,
        quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True},
    )
    adapter.provenance["base"] = identify_base(copied.base_model, copied.revision)
    with pytest.raises(TunelineError, match=r"quantized \(bitsandbytes\).*name the 16-bit"):
        merge(adapter, copied, hardware, tmp_path / "merged")
    told = merge(adapter, copied, hardware, tmp_path / "merged", base_model=recipe.base_model)
    assert told["merged_into"]["name"] == recipe.base_model


def test_a_base_that_is_gone(copied: Recipe, hardware: Hardware, tmp_path: Path):
    adapter, _ = make_adapter(copied)
    with pytest.raises(TunelineError, match=r"= .*/gone: this base model cannot be read"):
        merge(adapter, copied, hardware, tmp_path / "merged", base_model=f"{tmp_path}/gone")
    shard = min(Path(copied.base_model).glob("*.safetensors"))
    shutil.copytree(copied.base_model, tmp_path / "broken")
    (tmp_path / "broken" / shard.name).unlink()
    with pytest.raises(TunelineError, match=f"1 of its files are missing, {shard.name}"):
        merge(adapter, copied, hardware, tmp_path / "merged", base_model=f"{tmp_path}/broken")
    for file in (tmp_path / "broken").glob("model*"):
        file.unlink()
    with pytest.raises(TunelineError, match=r"holds neither model\.safetensors nor"):
        merge(adapter, copied, hardware, tmp_path / "merged", base_model=f"{tmp_path}/broken")
    assert not (tmp_path / "merged").exists()


def test_a_base_that_is_another_one(copied: Recipe, hardware: Hardware, tmp_path: Path):
    adapter, _ = make_adapter(copied)
    shutil.copytree(copied.base_model, tmp_path / "other")
    change_config(f"{tmp_path}/other", intermediate_size=256)
    with pytest.raises(TunelineError, match="other shapes than those the adapter was trained on"):
        merge(adapter, copied, hardware, tmp_path / "merged", base_model=f"{tmp_path}/other")
    min(Path(copied.base_model).glob("*.safetensors")).unlink()
    with pytest.raises(TunelineError, match="the adapter was trained on"):
        merge(adapter, copied, hardware, tmp_path / "merged")


def test_an_adapter_that_has_no_place_in_a_plain_model(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe, trainable_token_indices=[7, 8])
    with pytest.raises(TunelineError, match="embed_tokens in a way that Tuneline cannot merge"):
        merge(adapter, recipe, hardware, tmp_path / "merged")


@pytest.mark.parametrize(
    "lora",
    [
        {"bias": "all"},
        {"bias": "lora_only"},
        {"lora_bias": True},
        {"layer_replication": [[0, 2], [0, 2]]},
        {"ensure_weight_tying": True, "target_modules": ["embed_tokens", "lm_head"]},
    ],
    ids=lambda lora: next(iter(lora)),
)
def test_an_adapter_that_changes_more_than_weights(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, lora: dict
):
    torch.manual_seed(0)
    qwen = Qwen2ForCausalLM(Qwen2Config(**SMALL, tie_word_embeddings=True)).to(torch.bfloat16)
    named = place_base(qwen, recipe, tmp_path / "base")
    adapter, _ = make_adapter(named, **lora)
    with pytest.raises(TunelineError, match=r"adapter\.\w+ = .* that Tuneline cannot merge"):
        merge(adapter, named, hardware, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_the_original_weights_are_refused_where_what_they_cost_cannot_be_measured(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    adapter, _ = make_adapter(recipe)
    folder, asked = tmp_path / "merged", {"into": "original"}
    with pytest.raises(TunelineError, match=r"merge\.into = original: .*: there are no test exam"):
        merge(adapter, recipe, hardware, folder, **asked)
    monkeypatch.setattr(smoke_test, "choose_compute", lambda *_: None)
    with pytest.raises(TunelineError, match=r"compared .* here: its 0\.0 billion parameters in 16"):
        merge(adapter, recipe, hardware, folder, EXAMPLES, **asked)
    assert not folder.exists()
    words = merge(adapter, recipe, hardware, folder, EXAMPLES)["comparison"]["summary"]
    assert words.startswith("The merged model was not compared with the judged model: its 0.0")


def test_an_adapter_of_other_weights_of_the_same_base(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe)
    for other in (
        {"load_in_4bit": True},
        {**recipe.quantization, "bnb_4bit_use_double_quant": False},
        {**recipe.quantization, "llm_int8_skip_modules": ["lm_head", "q_proj"]},
    ):
        changed = recipe.model_copy(update={"quantization": other})
        with pytest.raises(
            TunelineError, match=r"recipe\.quantization = .* was trained with {.*nf4"
        ):
            merge(adapter, changed, hardware, tmp_path / "merged")
    whole = recipe.model_copy(update={"quantization": None})
    with pytest.raises(TunelineError, match=r"recipe\.quantization = null: .* trained with {.*nf4"):
        merge(adapter, whole, hardware, tmp_path / "merged")
    with pytest.raises(TunelineError, match=r"quantization = {.* with null: not quantized;"):
        merge(make_adapter(whole, into="original")[0], recipe, hardware, tmp_path / "merged")
    same = {**recipe.quantization, "bnb_4bit_compute_dtype": "float32"}
    merge(
        adapter,
        recipe.model_copy(update={"quantization": same}),
        hardware,
        tmp_path / "merged",
    )


def test_a_disk_that_fills_up_leaves_the_folder_that_was_there(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    adapter, _ = make_adapter(recipe)
    merge(adapter, recipe, hardware, tmp_path / "merged")
    before = (tmp_path / "merged/model.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(TunelineError, match=r"merged: the disk takes no more .*; free space"):
            merge(adapter, recipe, hardware, tmp_path / "merged")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "merged/model.safetensors").read_bytes() == before
    assert not list((tmp_path / "merging").iterdir())


def test_too_little_memory_and_disk_are_told_together_before_anything_is_written(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    adapter, _ = make_adapter(recipe)
    monkeypatch.chdir(tmp_path)  # no llama.cpp is here, so no file for it is counted
    little = Volume(tmp_path / "merging", Path("/"), device=1, free=10**6)
    monkeypatch.setattr(merge_plan, "measure_volume", lambda _: little)
    small = hardware.model_copy(update={"memory_gb": 0.5})
    with pytest.raises(TunelineError) as caught:
        merge(adapter, recipe, small, tmp_path / "merged")
    memory, disk = str(caught.value).splitlines()
    assert "it needs 0.8 GB of memory, and 0.5 GB are free here" in memory
    assert "to be written (merged" in disk  # with GGUF files, where llama.cpp is
    assert ", and the disk has 0.00 GB free" in disk
    assert not list(tmp_path.iterdir())


def test_an_adapter_that_is_broken(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    adapter, _ = make_adapter(recipe)
    name = next(name for name in adapter.tensors if "lora_B" in name)
    adapter.tensors[name][0, 0] = torch.nan
    with pytest.raises(TunelineError, match="values that are no numbers"):
        merge(adapter, recipe, hardware, tmp_path / "merged")
    assert not list((tmp_path / "merging").iterdir())

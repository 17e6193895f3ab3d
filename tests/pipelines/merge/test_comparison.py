"""Whether a merged model passes for the judged one: small real models, merged and broken."""

from pathlib import Path

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

from tests.base_models import write_gguf
from tests.pipelines.merge.adapters import EVALUATION, EXAMPLES, make_adapter
from tests.pipelines.merge.test_merged_weights import SMALL, merge, place_base
from tuneline.errors import TunelineError
from tuneline.hub.download import fetch_base
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.merge.comparison import (
    check_answers,
    check_rounding,
    compare_answers,
    compare_rounding,
)
from tuneline.pipelines.merge.merge_plan import choose_compute, count_cached
from tuneline.pipelines.merge.partings import Parting, answer_greedily, find_partings

pytestmark = pytest.mark.slow

MATRICES = 29
FORMATS = ("bfloat16", "float32")


@pytest.fixture
def compare(recipe: Recipe, hardware: Hardware, tmp_path: Path):
    """Merge one adapter and compare the files with another one on the quantized base."""

    def run(merged, expected, **changed) -> dict:
        folder = tmp_path / "merged"
        return merge(merged, recipe, hardware, folder, EXAMPLES, expected, **changed)["comparison"]

    return run


@pytest.mark.parametrize(("dtype", "least"), [("float32", 3), ("bfloat16", 0)])
def test_a_right_merge_answers_as_the_judged_model(compare, recipe: Recipe, dtype: str, least: int):
    adapter, _ = make_adapter(recipe)
    found = compare(adapter, adapter, dtype=dtype)
    rounding, judged, answers = (found[key] for key in ("rounding", "judged", "answers"))
    assert 0 < rounding["relative_rms"] < rounding["bound"]
    assert rounding["adapter_effect"] > 10 * rounding["relative_rms"]
    assert 0 <= judged["mean_kl"] < 1e-3
    assert judged["loss_merged"] == pytest.approx(judged["loss_judged"], abs=0.02)
    assert answers["equal"] >= least
    assert (answers["prompts"], answers["other"]) == (3, 0)
    assert f"{answers['equal']} of its 3 answers are those of the judged model" in found["summary"]


def test_tied_embeddings_part_when_the_adapter_changes_one_use_of_them(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe, target_modules=["q_proj", "embed_tokens"])
    assert compare(adapter, adapter)["answers"]["other"] == 0


def test_a_merge_into_the_original_weights_says_first_what_it_costs(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe)
    found = compare(adapter, adapter, into="original", dtype="float32")
    assert found["rounding"]["relative_rms"] < found["rounding"]["bound"]
    assert found["judged"]["mean_kl"] > 100 * found["rounding"]["mean_kl"]
    assert found["judged"]["loss_judged"] != pytest.approx(found["judged"]["loss_merged"], abs=1e-3)
    assert found["summary"].startswith("Loss on the references of 3 held-out prompts: ")
    assert "The report's figures are not its own." in found["summary"]


def test_the_original_weights_of_a_gguf_file_are_those_made_of_it(
    recipe: Recipe, hardware: Hardware, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    weights = LlamaForCausalLM(LlamaConfig(**SMALL | {"vocab_size": 261}))
    path = write_gguf(tmp_path / "model.gguf", weights=weights)
    mine = recipe.model_copy(update={"base_model": str(path)})
    fetch_base(mine)
    adapter, _ = make_adapter(mine, into="original")
    told = merge(adapter, mine, hardware, tmp_path / "merged", EXAMPLES, into="original")
    assert told["comparison"]["rounding"]["top1_agreement"] > 0.95


def test_an_architecture_without_sdpa_is_compared_in_what_it_has(
    recipe: Recipe, hardware: Hardware, tmp_path: Path
):
    gemma = Gemma2ForCausalLM(Gemma2Config(**SMALL | {"vocab_size": 8192}, head_dim=16))
    mine = place_base(gemma, recipe, tmp_path / "base")
    machine = hardware.model_copy(update={"attn_implementation": "auto"})
    adapter, _ = make_adapter(mine)
    found = merge(adapter, mine, machine, tmp_path / "merged", EXAMPLES)["comparison"]
    assert found["rounding"]["top1_agreement"] > 0.95


@pytest.mark.parametrize("wrong", ["scaling", "one layer"])
def test_a_wrong_merge_is_refused(compare, recipe: Recipe, wrong: str, tmp_path: Path):
    expected, _ = make_adapter(recipe)
    if wrong == "scaling":
        merged, _ = make_adapter(recipe, lora_alpha=16)
    else:
        merged, _ = make_adapter(recipe)
        for name, tensor in merged.tensors.items():
            if "layers.2.mlp.up_proj.lora_B" in name:
                tensor.zero_()
    with pytest.raises(TunelineError, match="differ from those of base model and adapter by"):
        compare(merged, expected)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_merge_into_the_wrong_weights_is_refused(
    compare, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    """As every merge was until it was measured: into those that nobody had judged."""
    from tuneline.pipelines.merge.quantized_base import QuantizedBase

    adapter, _ = make_adapter(recipe)
    monkeypatch.setattr(QuantizedBase, "round", lambda self, layer, tensor: tensor)
    with pytest.raises(TunelineError, match="differ from those of base model and adapter by"):
        compare(adapter, adapter, dtype="float16")


def test_an_adapter_that_rounding_swallows_is_refused(compare, recipe: Recipe):
    adapter, _ = make_adapter(recipe, scale=1e-4)
    with pytest.raises(TunelineError, match=r"most of what was learned .*merge\.dtype=float32"):
        compare(adapter, adapter)
    assert compare(adapter, adapter, dtype="float32")["answers"]["other"] == 0


def test_logits_that_are_no_numbers_are_refused():
    logits = torch.randn(4, 8)
    broken = logits.clone()
    broken[0, 0] = torch.nan
    with pytest.raises(TunelineError, match="rounding explains"):
        check_rounding(compare_rounding(logits + 1, logits, broken, FORMATS, MATRICES))


def test_answers_part_where_rounding_explains_it_or_elsewhere():
    near, far, ended = Parting(3, 0.2, 2.0), Parting(0, 1.5, 2.0), Parting(9, float("inf"), 1.0)
    found = compare_answers([None, near, far, ended], moved=0.02)
    assert found == {"prompts": 4, "equal": 1, "tipped": 1, "other": 2}
    with pytest.raises(TunelineError, match="2 of its 4 answers to held-out prompts leave those"):
        check_answers(found)
    check_answers(compare_answers([None] * 6 + [near] * 3 + [far], moved=0.02))
    with pytest.raises(TunelineError, match="1 of its 9 answers"):
        check_answers(compare_answers([None] * 8 + [far], moved=0.02))


def test_answers_are_token_for_token_whatever_is_answered_next_to_them(
    recipe: Recipe, hardware: Hardware
):
    """In a batch, alone, and with a decoding that would draw lots."""
    adapter, model = make_adapter(recipe)
    prompts = [[6, 7, 8], [6, 9], [10, 11, 12, 13]]
    small = hardware.model_copy(update={"per_device_eval_batch_size": 1})
    lots = EVALUATION.model_copy(
        update={"generation": {"do_sample": True, "temperature": 2.0, "max_new_tokens": 16}}
    )
    own, alone, drawn = (
        answer_greedily(model, adapter.tokenizer, prompts, evaluation, machine)
        for evaluation, machine in ((EVALUATION, hardware), (EVALUATION, small), (lots, hardware))
    )
    assert own == alone == drawn
    assert all(1 <= len(ids) <= 16 for ids in own)
    changed = [own[0], [*own[1][:4], own[1][4] + 1], own[2][:3]]
    same, parted, ended = find_partings(model, prompts, own, changed)
    assert same is None
    assert parted.token == 4
    logits = model(input_ids=torch.tensor([[*prompts[1], *own[1][:4]]])).logits[0, -1].detach()
    assert parted.gap == pytest.approx(float(logits[own[1][4]] - logits[own[1][4] + 1]), abs=1e-4)
    assert (ended.token, ended.gap) == (3, float("inf"))


def test_a_merged_folder_that_asks_otherwise_is_refused(
    compare, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
):
    """Weights are right; the template that the folder holds is not."""
    from tuneline.pipelines.merge import nodes

    write = nodes.write_sidecar

    def write_another_template(folder: Path, *rest) -> None:
        write(folder, *rest)
        template = folder / "chat_template.jinja"
        template.write_text(
            template.read_text().replace(
                "message['content']", "'Say nothing. ' + message['content']"
            )
        )

    monkeypatch.setattr(nodes, "write_sidecar", write_another_template)
    adapter, _ = make_adapter(recipe, scale=1.0)
    with pytest.raises(TunelineError, match="answers to held-out prompts leave those of the"):
        compare(adapter, adapter)


def test_the_judged_format_is_taken_if_it_fits_and_none_if_nothing_does(hardware: Hardware):
    assert choose_compute(10**6, 0, hardware) == "float32"
    little = hardware.model_copy(update={"memory_gb": 1.0})
    assert choose_compute(80 * 10**6, 0, little) == "bfloat16"
    assert choose_compute(40 * 10**6, 0, little) == "float32"
    assert choose_compute(40 * 10**6, 40 * 10**6, little) == "bfloat16"
    assert choose_compute(10**9, 0, little) is None
    gpu = Hardware(
        name="GPU",
        device="cuda",
        compute_capability=7.5,
        memory_gb=15,
        tokens_per_batch=1,
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_checkpointing=True,
        attn_implementation="auto",
    )
    assert choose_compute(38 * 10**8, 0, gpu) == "float16"
    assert choose_compute(80 * 10**8, 0, gpu) is None


def test_what_is_cached_is_what_transformers_caches(recipe: Recipe):
    _, model = make_adapter(recipe)
    cache = model(input_ids=torch.tensor([[5, 6, 7]]), use_cache=True).past_key_values
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    assert count_cached(model.config, 3) == numbers

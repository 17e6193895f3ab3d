"""Base models that cannot be trained are refused before anything runs."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.base_models import change_json, make_base
from tests.conftest import PROJECT, TINY_BASE
from tuneline.checks.base_models import find_base_problems
from tuneline.parameters import Recipe


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return shutil.copytree(PROJECT / TINY_BASE, tmp_path / "base")


def find(recipe: Recipe, base: Path | str) -> list[str]:
    changed = recipe.model_copy(update={"base_model": str(base)})
    return [str(problem) for problem in find_base_problems("mine", changed)]


def quantize(**how: object) -> Callable[[Path], None]:
    return lambda base: change_json(base / "config.json", quantization_config=how)


def configure(**changes: object) -> Callable[[Path], None]:
    return lambda base: change_json(base / "config.json", **changes)


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    data = content.encode() if isinstance(content, str) else content
    return lambda base: (base / name).write_bytes(data) and None


def remove(*names: str) -> Callable[[Path], None]:
    return lambda base: [(base / name).unlink() for name in names] and None


def pickle_weights(base: Path) -> None:
    (base / "model.safetensors").rename(base / "pytorch_model.bin")


def shard(base: Path) -> None:
    (base / "model.safetensors").rename(base / "model-00001-of-00002.safetensors")
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (base / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def make_adapter(base: Path) -> None:
    (base / "config.json").unlink()
    (base / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen3-0.6B"}')


def cut_weights(base: Path) -> None:
    whole = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def add_token(base: Path) -> None:
    tokenizer = json.loads((base / "tokenizer.json").read_text("utf-8"))
    token = {"id": 9000, "content": "<|more|>", "special": True}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    tokenizer["added_tokens"].append(token | flags)
    tokenizer["model"]["vocab"]["<|more|>"] = 9000
    (base / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")


def test_the_base_model_that_ships_has_no_problem(recipe: Recipe):
    assert find(recipe, PROJECT / TINY_BASE) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (quantize(quant_method="gptq", bits=4), "its weights are quantized already (gptq)"),
        (quantize(quant_method="awq", bits=4), "its weights are quantized already (awq)"),
        (quantize(quant_method="fp8"), "its weights are quantized already (fp8)"),
        (quantize(quant_method="mxfp4"), "its weights are quantized already (mxfp4)"),
        (quantize(quant_method="compressed-tensors"), "quantized already (compressed-tensors)"),
        (pickle_weights, "its weights are in pytorch_model.bin, not in safetensors"),
        (remove("model.safetensors"), "it has a config.json but no weights"),
        (shard, "model-00002-of-00002.safetensors: 1 of 2 files are missing"),
        (cut_weights, "model.safetensors: it cannot be read"),
        (write("model.safetensors", "version https://git-lfs.github.com/spec/v1"), "be read"),
        (make_adapter, "it is an adapter, not a base model"),
        (make_adapter, "name its base model, Qwen/Qwen3-0.6B"),
        (write("adapter_config.json", "{}"), "it has an adapter_config.json next to its config"),
        (remove("config.json"), "there is no model in this folder"),
        (write("config.json", "{"), "its config.json cannot be used"),
        (write("config.json", "[]"), "its config.json cannot be used"),
        (configure(vocab_size=0), "its config.json cannot be used"),
        (configure(hidden_size=190, head_dim=None), "its config.json cannot be used"),
        (configure(num_hidden_layers="four"), "its config.json cannot be used"),
        (configure(model_type="llama9"), "knows no architecture `llama9`"),
        (configure(model_type=None), "knows no architecture `None`"),
        (
            configure(model_type="mine", auto_map={"AutoModelForCausalLM": "m.Mine"}),
            "its architecture (mine) comes as code in its repository",
        ),
        (configure(architectures=["LlamaForSequenceClassification"]), "no causal language model"),
        (remove("tokenizer.json"), "its tokenizer cannot be loaded"),
        (write("tokenizer.json", "{}"), "its tokenizer cannot be loaded"),
        (remove("chat_template.jinja"), "it has no chat template"),
        (add_token, "its tokenizer has token 9,000, the model ends at 8,191"),
    ],
)
def test_a_base_model_that_cannot_be_used_is_a_sentence(
    recipe: Recipe, base: Path, spoil: Callable[[Path], None], words: str
):
    spoil(base)
    (problem,) = find(recipe, base)
    assert problem.startswith(f"mine.recipe.base_model = {str(base)[:60]}")
    assert words in problem


def test_a_base_model_stored_in_4_bits_is_no_base_for_a_training_without_them(
    recipe: Recipe, base: Path
):
    quantize(quant_method="bitsandbytes", load_in_4bit=True)(base)
    assert find(recipe, base) == []
    (problem,) = find(recipe.model_copy(update={"quantization": None}), base)
    assert "its weights are stored in 4 bits, and recipe.quantization is null" in problem


def test_code_that_transformers_does_not_need_is_not_asked_for(
    recipe: Recipe, base: Path, monkeypatch: pytest.MonkeyPatch
):
    """Phi-3 brings its own code, though transformers has it; nobody is asked to run it."""
    change_json(base / "config.json", auto_map={"AutoModelForCausalLM": "modeling.Mine"})
    change_json(base / "tokenizer_config.json", auto_map={"AutoTokenizer": ["m.Mine", None]})
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert find(recipe, base) == []


def test_a_gguf_file_that_is_not_here_and_a_folder_of_them(recipe: Recipe, tmp_path: Path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    (problem,) = find(recipe, tmp_path)
    assert "its weights are in GGUF files, of which model.gguf is one" in problem
    (problem,) = find(recipe, "owner/name/model-Q4_0.gguf")
    assert "there is no such GGUF file" in problem


@pytest.mark.parametrize("kind", ["t5", "bert", "whisper", "bart", "mistral3", "vit"])
def test_a_model_that_continues_no_text_is_named(recipe: Recipe, tmp_path: Path, kind: str):
    from transformers import CONFIG_MAPPING

    base = shutil.copytree(PROJECT / TINY_BASE, tmp_path / "base")
    config = CONFIG_MAPPING[kind](architectures=[f"{kind.capitalize()}ForSomething"])
    config.save_pretrained(base)
    (problem,) = find(recipe, base)
    assert "it is no causal language model" in problem


def test_layers_that_a_model_does_not_have_are_named(recipe: Recipe, tmp_path: Path):
    base = make_base(tmp_path / "gpt2", "gpt2", weights=False)
    lora = {**recipe.lora, "target_modules": ["q_proj", "v_proj"]}
    (problem,) = find(recipe.model_copy(update={"lora": lora}), base)
    assert problem.startswith("mine.recipe.lora: it does not fit this base model (Target modules")


def test_what_the_message_says_of_pickled_weights_works(recipe: Recipe, base: Path, tmp_path: Path):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    assert "convert it once" in find(recipe, base)[0]
    AutoModelForCausalLM.from_pretrained(base, trust_remote_code=False).save_pretrained(
        tmp_path / "new"
    )
    for path in base.glob("*token*"):
        shutil.copy(path, tmp_path / "new")
    shutil.copy(base / "chat_template.jinja", tmp_path / "new")
    assert find(recipe, tmp_path / "new") == []

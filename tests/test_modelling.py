from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, get_peft_model

from tests.conftest import PROJECT, TINY_BASE
from tuneline.errors import TunelineError
from tuneline.modelling import identify_base, load_model, load_tokenizer
from tuneline.parameters import Hardware, Recipe


def make_peft(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    peft = get_peft_model(
        model, LoraConfig(r=8, target_modules="all-linear", init_lora_weights=False)
    )
    return peft.float() if not any(isinstance(m, Linear4bit) for m in peft.modules()) else peft


def dequantize(model: torch.nn.Module) -> torch.nn.Module:
    """Replace every 4-bit layer by a plain one with the very weights it stands for."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Linear4bit):
            weight = dequantize_4bit(module.weight.data, module.weight.quant_state).float()
            plain = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            plain.weight = torch.nn.Parameter(weight, requires_grad=False)
            model.set_submodule(name, plain)
    return model


def gradients(model: torch.nn.Module, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}


def test_linear_layers_are_in_4_bits_and_the_rest_in_float32(recipe: Recipe, hardware: Hardware):
    model = load_model(recipe, hardware)
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 7 * model.config.num_hidden_layers
    assert all(layer.weight.quant_state.quant_type == "nf4" for layer in layers)
    assert model.get_input_embeddings().weight.dtype == torch.float32


def test_gradients_on_nf4_are_those_on_the_weights_it_stands_for_also_after_an_evaluation(
    recipe: Recipe, hardware: Hardware
):
    ids = torch.randint(10, 1000, (2, 24), generator=torch.Generator().manual_seed(1))
    quantized = make_peft(load_model(recipe, hardware))
    with torch.no_grad():
        quantized.eval()(input_ids=ids)  # where bitsandbytes would change the layout
    plain = make_peft(dequantize(load_model(recipe, hardware)))
    found, expected = gradients(quantized.train(), ids), gradients(plain.train(), ids)
    assert found.keys() == expected.keys()
    assert len(found) == 2 * 7 * 4
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_a_base_is_identified_by_its_weights(recipe: Recipe):
    base = identify_base(recipe)
    assert base["name"] == recipe.base_model
    assert len(base["sha256"]) == 64


def test_a_pad_token_that_ends_something_is_replaced(recipe: Recipe, tmp_path: Path):
    tokenizer = load_tokenizer(recipe)
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))
    assert loaded.pad_token not in {"<|endoftext|>", "<|end|>"}
    assert len(loaded) == len(tokenizer)


def test_a_base_without_a_chat_template_is_refused(recipe: Recipe, tmp_path: Path):
    tokenizer = load_tokenizer(recipe)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(TunelineError, match="no chat template"):
        load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))


def test_of_several_chat_templates_the_default_one_is_taken(recipe: Recipe, tmp_path: Path):
    """Some bases bring one for tools as well: then their tokenizer has a dict, and a folder."""
    tokenizer = load_tokenizer(recipe)
    default = tokenizer.chat_template
    tokenizer.chat_template = {"default": default, "tool_use": "{{ tools }}"}
    tokenizer.save_pretrained(tmp_path / "base")
    loaded = load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path / "base")}))
    loaded.save_pretrained(tmp_path / "adapter")
    assert loaded.chat_template == default
    assert (tmp_path / "base/additional_chat_templates").is_dir()
    assert not (tmp_path / "adapter/additional_chat_templates").exists()


def test_the_tracked_tiny_base_is_small_and_in_safetensors():
    files = list((PROJECT / TINY_BASE).iterdir())
    assert sum(path.stat().st_size for path in files) < 8e6
    assert not [path for path in files if path.suffix in {".bin", ".pt", ".pkl"}]

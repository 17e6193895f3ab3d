from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers.integrations import sdpa_attention

from tests.conftest import PROJECT, TINY_BASE
from tests.training.small_runs import make_examples
from tuneline.errors import TunelineError
from tuneline.models.loading import avoid_slow_kernel, choose_attention, identify_base, load_model
from tuneline.models.rendering import find_end_tokens, render_example
from tuneline.models.tokenizer import load_tokenizer
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


@pytest.fixture
def small(hardware: Hardware) -> Hardware:
    """Give a machine whose memory does not take the weights dequantized."""
    return hardware.model_copy(update={"memory_gb": 0.01})


@pytest.mark.slow
def test_linear_layers_are_in_4_bits_and_the_rest_in_float32(recipe: Recipe, small: Hardware):
    model = load_model(recipe, small)
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 7 * model.config.num_hidden_layers
    assert all(layer.weight.quant_state.quant_type == "nf4" for layer in layers)
    assert model.get_input_embeddings().weight.dtype == torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_where_memory_allows_the_4_bits_are_dequantized_once_to_the_same_numbers(
    dtype: str, recipe: Recipe, hardware: Hardware, small: Hardware
):
    machine = hardware.model_copy(update={"dtype": dtype})
    once = load_model(recipe, machine)
    assert not [module for module in once.modules() if isinstance(module, Linear4bit)]
    kept = load_model(recipe, small.model_copy(update={"dtype": dtype}))
    assert not any(one.requires_grad for one in once.parameters())
    assert once.num_parameters() == kept.num_parameters()
    ids = torch.randint(10, 1000, (2, 24), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(once.eval()(input_ids=ids).logits, kept.train()(input_ids=ids).logits)
    with torch.autocast("cpu", getattr(torch, dtype), enabled=dtype != "float32"):
        mine, theirs = gradients(make_lora(once), ids), gradients(make_lora(kept), ids)
    assert mine.keys() == theirs.keys()
    # In bfloat16 PEFT adds the adapter's part before it rounds, or after.
    exact = {"rtol": 0, "atol": 0} if dtype == "float32" else {"rtol": 0.1, "atol": 2e-3}
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, theirs[name], **exact)


@pytest.mark.slow
@pytest.mark.parametrize("memory_gb", [8, 0.01])
def test_a_base_model_that_is_not_quantized_is_loaded_as_it_is_stored(
    memory_gb: float, recipe: Recipe, hardware: Hardware
):
    whole = recipe.model_copy(update={"quantization": None})
    machine = hardware.model_copy(update={"memory_gb": memory_gb, "dtype": "bfloat16"})
    model = load_model(whole, machine)
    assert not [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert not any(one.requires_grad for one in model.parameters())
    stored = load_file(Path(recipe.base_model) / "model.safetensors")
    state = model.state_dict()
    for name, tensor in stored.items():
        assert torch.equal(state[name], tensor.bfloat16()), name


def make_lora(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    settings = LoraConfig(r=8, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(model, settings).train()


@pytest.mark.slow
def test_gradients_on_nf4_are_those_on_the_weights_it_stands_for_also_after_an_evaluation(
    recipe: Recipe, small: Hardware
):
    ids = torch.randint(10, 1000, (2, 24), generator=torch.Generator().manual_seed(1))
    quantized = make_peft(load_model(recipe, small))
    with torch.no_grad():
        quantized.eval()(input_ids=ids)  # where bitsandbytes would change the layout
    plain = make_peft(dequantize(load_model(recipe, small)))
    found, expected = gradients(quantized.train(), ids), gradients(plain.train(), ids)
    assert found.keys() == expected.keys()
    assert len(found) == 2 * 7 * 4
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_a_base_is_identified_by_its_weights(recipe: Recipe):
    base = identify_base(recipe.base_model, recipe.revision)
    assert base["name"] == recipe.base_model
    assert len(base["sha256"]) == 64


@pytest.mark.slow
def test_a_pad_token_that_ends_something_is_replaced(recipe: Recipe, tmp_path: Path):
    tokenizer = load_tokenizer(recipe)
    tokenizer.pad_token = "<|endoftext|>"
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))
    assert loaded.pad_token not in {"<|endoftext|>", "<|end|>"}
    assert len(loaded) == len(tokenizer)


@pytest.mark.slow
def test_a_base_without_a_chat_template_is_refused(recipe: Recipe, tmp_path: Path):
    tokenizer = load_tokenizer(recipe)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(TunelineError, match="no chat template"):
        load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))


TURN = "{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}"
ASK = "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
BAD_TEMPLATES = {
    "not closed": ("{% for m in messages %}{{ m.content }", r"fails on a question .*line 1"),
    "no such filter": ("{{ messages | shout }}", "fails on a question .*shout"),
    "takes nothing": ("{{ raise_exception('Tools only.') }}", r"its answer \(Tools only\)"),
    "parts": (
        "{% for m in messages %}{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}"
        "{% endif %}{% endfor %}{{ '<|end|>' }}{% endfor %}",
        "takes lists of parts alone",
    ),
    "lower case": (
        "{% for m in messages %}{{ m.content | lower }}{{ '<|end|>' }}{% endfor %}",
        "drops or changes them",
    ),
    "one line": (
        "{% for m in messages %}{{ m.content.replace('\n', ' ') }}{{ '<|end|>' }}{% endfor %}",
        "drops or changes them",
    ),
    "no answers": (
        "{% for m in messages if m.role == 'user' %}" + TURN + "{% endfor %}" + ASK,
        "drops or changes them",
    ),
    "escaped": (
        "{% for m in messages %}{{ m.content | tojson }}{{ '<|end|>' }}{% endfor %}",
        "drops or changes them",
    ),
    "another prompt": (
        "{% for m in messages %}{{ loop.length }}" + TURN + "{% endfor %}" + ASK,
        "renders its prompt differently once an answer follows",
    ),
    "empty": ("", "it has no chat template"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("template", "words"), BAD_TEMPLATES.values(), ids=BAD_TEMPLATES.keys())
def test_a_template_that_cannot_be_used_is_refused_as_it_is_loaded(
    recipe: Recipe, tmp_path: Path, template: str, words: str
):
    (tmp_path / "mine.jinja").write_text(template, encoding="utf-8")
    path = str(tmp_path / "mine.jinja")
    with pytest.raises(TunelineError, match=words) as error:
        load_tokenizer(recipe.model_copy(update={"chat_template_path": path}))
    assert str(error.value).startswith("recipe.chat_template_path = ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_a_template(recipe: Recipe, tmp_path: Path, encoding: str):
    template = "{% for m in messages %}" + TURN + "{% endfor %}" + ASK
    (tmp_path / "mine.jinja").write_text(template, encoding=encoding)
    path = str(tmp_path / "mine.jinja")
    tokenizer = load_tokenizer(recipe.model_copy(update={"chat_template_path": path}))
    assert tokenizer.chat_template == template


@pytest.mark.slow
def test_a_template_that_is_not_utf_8_is_refused(recipe: Recipe, tmp_path: Path):
    (tmp_path / "mine.jinja").write_bytes("{{ 'Café' }}".encode("latin-1"))
    path = str(tmp_path / "mine.jinja")
    with pytest.raises(TunelineError, match=r"not UTF-8 \(byte 8\)"):
        load_tokenizer(recipe.model_copy(update={"chat_template_path": path}))


@pytest.mark.slow
def test_several_templates_without_a_default_are_named(recipe: Recipe, tmp_path: Path):
    tokenizer = load_tokenizer(recipe)
    template = tokenizer.chat_template
    tokenizer.chat_template = {"chatml": template, "tool_use": template}
    tokenizer.save_pretrained(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    assert "default" not in config.read_text("utf-8")
    with pytest.raises(TunelineError, match=r"several chat templates \(chatml, tool_use\)"):
        load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))


@pytest.mark.slow
@pytest.mark.parametrize("eos", [None, "<|end|>", "<|endoftext|>"])
@pytest.mark.parametrize("pad", [None, "<|end|>", "<|endoftext|>", "<|pad|>"])
def test_end_tokens_are_found_and_trained_whatever_the_tokenizer_pads_with(
    recipe: Recipe, tmp_path: Path, eos: str | None, pad: str | None
):
    tokenizer = load_tokenizer(recipe)
    tokenizer.eos_token, tokenizer.pad_token = eos, pad
    tokenizer.save_pretrained(tmp_path)
    loaded = load_tokenizer(recipe.model_copy(update={"base_model": str(tmp_path)}))
    ends = find_end_tokens(loaded)
    assert loaded.convert_ids_to_tokens(ends) == list(dict.fromkeys(["<|end|>", eos or "<|end|>"]))
    assert loaded.pad_token_id is not None
    assert loaded.pad_token_id not in ends
    example = make_examples(1)[0]
    assert render_example(loaded, example).labels[-1] == ends[0]


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_tracked_tiny_base_is_small_and_in_safetensors():
    files = list((PROJECT / TINY_BASE).iterdir())
    assert sum(path.stat().st_size for path in files) < 8e6
    assert not [path for path in files if path.suffix in {".bin", ".pt", ".pkl"}]


T4 = {"device": "cuda", "compute_capability": 7.5, "dtype": "float16"}


def test_auto_takes_sdpa_where_flash_attention_is_not_installed_or_the_gpu_too_old(
    hardware: Hardware,
):
    for changes in ({}, T4, {**T4, "compute_capability": 8.9}):
        machine = hardware.model_copy(update={"attn_implementation": "auto", **changes})
        assert choose_attention(machine) == "sdpa"
    assert choose_attention(hardware.model_copy(update={"attn_implementation": "eager"})) == "eager"


def test_an_old_gpu_is_kept_off_the_slow_kernel_and_a_new_one_is_not(
    hardware: Hardware, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sdpa_attention, "use_gqa_in_sdpa", sdpa_attention.use_gqa_in_sdpa)
    key = torch.zeros(1, 2, 4, 64)
    avoid_slow_kernel(hardware.model_copy(update={**T4, "compute_capability": 8.0}))
    assert sdpa_attention.use_gqa_in_sdpa(None, key, key)
    avoid_slow_kernel(hardware.model_copy(update=T4))
    assert not sdpa_attention.use_gqa_in_sdpa(None, key, key)

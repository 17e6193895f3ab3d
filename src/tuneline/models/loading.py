"""Base models: loaded from local files, identified. See `hub.download.fetch_base`."""

from pathlib import Path
from typing import Any

from tuneline.hub.cache import find_commit
from tuneline.hub.gguf import find_gguf, hash_gguf, locate_base
from tuneline.hub.gguf_conversion import quiet_transformers
from tuneline.models.foreign_code import refuse_foreign_code
from tuneline.models.memory import keeps_dequantized
from tuneline.parameters import Hardware, Recipe
from tuneline.utils.hashing import hash_files
from tuneline.utils.progress import track

# Flash attention 2 needs an Ampere GPU or a newer one (its README, "Installation").
FLASH_CAPABILITY = 8.0


def choose_attention(hardware: Hardware, config: Any = None) -> str:
    """Choose the implementation that `attn_implementation: auto` stands for.

    Args:
        hardware: the machine.
        config: of the base model, whose architecture may have fewer of them; None for any.

    Returns:
        A value that `from_pretrained` takes.
    """
    if hardware.attn_implementation != "auto":
        return hardware.attn_implementation
    from transformers.utils import is_flash_attn_2_available

    able = (hardware.compute_capability or 0) >= FLASH_CAPABILITY
    if able and is_flash_attn_2_available() and has_attention(config, "flash_attention_2"):
        return "flash_attention_2"
    return "sdpa" if has_attention(config, "sdpa") else "eager"


def has_attention(config: Any, implementation: str) -> bool:
    """Tell whether an architecture has an implementation of attention.

    Args:
        config: of the base model; None for any.
        implementation: as in `from_pretrained`.

    Returns:
        Whether transformers' class for it says so; true of names that transformers may yet fetch.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

    supports = {"sdpa": "_supports_sdpa", "flash_attention_2": "_supports_flash_attn"}
    if config is None or implementation not in supports:
        return True
    return bool(getattr(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)], supports[implementation], True))


def avoid_slow_kernel(hardware: Hardware) -> None:
    """Keep models with grouped queries off PyTorch's slow attention on older GPUs.

    Without a mask, transformers leaves the grouping to PyTorch, which before compute capability 8.0
    has only its MATH kernel for it: half the speed, and gigabytes of scores
    (transformers issue 48633). Repeating the keys first, as it does with a mask, costs little.

    Args:
        hardware: the machine.
    """
    if hardware.device == "cuda" and (hardware.compute_capability or 0) < FLASH_CAPABILITY:
        from transformers.integrations import sdpa_attention

        sdpa_attention.use_gqa_in_sdpa = lambda *_: False


def load_model_config(recipe: Recipe) -> Any:
    """Load the base model's config: its shape, without its weights."""
    from transformers import AutoConfig

    with refuse_foreign_code("recipe.base_model", recipe.base_model):
        return AutoConfig.from_pretrained(
            locate_base(recipe.base_model),
            revision=recipe.revision,
            local_files_only=True,
            trust_remote_code=False,
        )


def load_model(recipe: Recipe, hardware: Hardware, place: str | None = None) -> Any:
    """Load the base model, its linear layers quantized as the recipe says, or not at all.

    Args:
        recipe: names base model and quantization.
        hardware: device and dtype.
        place: as in `device_map`; left out, the machine's device, or, of a model that is too large
            for one of them, all of them, one after the other.

    Returns:
        The model, frozen, in `dtype` where it is not quantized. On a CPU with enough memory its
        4-bit weights are dequantized once: the same numbers, not computed again at every step. Its
        gradients with respect to an adapter are exact on any CPU, also after an evaluation (see
        `_keep_layout`).
    """
    import torch

    model = load_weights(
        locate_base(recipe.base_model),
        recipe.revision,
        hardware,
        load_model_config(recipe),
        quantization_config=_configure_quantization(recipe, hardware),
        device_map=_map_devices(hardware, place),
    )
    if recipe.quantization is None:
        return model.requires_grad_(False)
    if keeps_dequantized(model.num_parameters(), hardware):
        return dequantize(model, getattr(torch, hardware.dtype))
    _keep_layout(model)
    return model


def load_weights(source: str, revision: str, hardware: Hardware, config: Any, **more: Any) -> Any:
    """Load a model in the machine's number format, and neither code nor pickles.

    `source` is a local folder or repository, `config` what it says of its architecture; `more` is
    of `from_pretrained`.
    """
    import torch
    from transformers import AutoModelForCausalLM

    show_loading()
    avoid_slow_kernel(hardware)
    return AutoModelForCausalLM.from_pretrained(
        source,
        revision=revision,
        dtype=getattr(torch, hardware.dtype),
        attn_implementation=choose_attention(hardware, config),
        use_safetensors=True,
        local_files_only=True,
        adapter_kwargs={"local_files_only": True},  # looks for an adapter_config.json
        trust_remote_code=False,
        **more,
    )


def _map_devices(hardware: Hardware, place: str | None) -> Any:
    if place is None and hardware.is_sharded and hardware.device == "cuda":
        return "auto"
    return {"": place or hardware.device}


def _configure_quantization(recipe: Recipe, hardware: Hardware) -> Any:
    """Make what `from_pretrained` takes; None for a base model that is not quantized."""
    if recipe.quantization is None:
        return None
    import torch
    from transformers import BitsAndBytesConfig

    dtype = getattr(torch, hardware.dtype)
    # FSDP divides weights whose format has fractions; what is stored are the same bits.
    stored = {"bnb_4bit_quant_storage": dtype} if hardware.is_sharded else {}
    return BitsAndBytesConfig(**{"bnb_4bit_compute_dtype": dtype, **stored, **recipe.quantization})


def show_loading() -> None:
    """Show how far the loading of weights is as all other progress is shown."""
    from transformers.utils.logging import set_tqdm_hook

    def show(_: Any, values: Any, options: dict[str, Any]) -> Any:
        return track(values[0], options.get("desc", "Loading weights"), "tensors")

    set_tqdm_hook(show)


def identify_base(name: str, revision: str) -> dict[str, str]:
    """Say exactly which base model an adapter belongs to.

    Returns:
        `name`, and `sha256` of a folder's weights with what computes with them (`config.json`) or
        of a GGUF file, or `commit` of a hub repository.
    """
    if path := find_gguf(name):
        return {"name": name, "sha256": hash_gguf(path)}
    if (folder := Path(name)).is_dir():
        decides = [*folder.glob("*.safetensors"), *folder.glob("config.json")]
        return {"name": name, "sha256": hash_files(decides)}
    return {"name": name, "commit": find_commit(name, revision)}


def dequantize(model: Any, dtype: Any) -> Any:
    """Put the numbers that the 4 bits stand for in their place, where there are any."""
    from bitsandbytes.nn import Linear4bit

    if not any(isinstance(module, Linear4bit) for module in model.modules()):
        return model  # none of its layers is quantized, and transformers would fail (5.23)
    with quiet_transformers():
        return model.dequantize(dtype).requires_grad_(False)


def _keep_layout(model: Any) -> None:
    """Stop bitsandbytes from repacking the weights when a model is first evaluated.

    On CPUs with AVX512-BF16 it would turn them into a layout without a backward, and training
    after any evaluation would leave every quantized layer without a gradient (bitsandbytes 0.50).
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False

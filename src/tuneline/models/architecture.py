"""What a base model is made of, read off the model itself, built without memory."""

import re
from typing import Any

from tuneline.parameters import Recipe

# Layers that carry something from one token to the next outside of attention: they cannot tell
# packed examples apart. As configs call them in `layer_types` (transformers 5.23).
CARRYING = {"linear_attention", "mamba", "recurrent"}
# Architectures whose packed examples read each other, although they take positions: in one row, two
# examples gave other logits than each alone (measured on small random models, transformers 5.23).
LEAKING = {"afmoe", "biogpt", "falcon", "inkling_text", "jamba", "lfm3", "minimax", "opt"}
# Ways to stretch positions by a factor beyond what a model was pretrained on (transformers 5.23).
STRETCHED = {"linear", "dynamic", "yarn"}
# OPT keeps two positions for padding.
SPARE_POSITIONS = 8


def build_empty(config: Any) -> Any:
    """Build a model on PyTorch's meta device: all of its layers, and no numbers in them.

    Args:
        config: the base model's config.

    Returns:
        The model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, trust_remote_code=False)


def list_linear(model: Any) -> dict[str, Any]:
    """List the layers that bitsandbytes and PEFT take for linear, by name; GPT-2's are `Conv1D`.

    Args:
        model: any model.

    Returns:
        The modules by their dotted names.
    """
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    named = model.named_modules()
    return {name: module for name, module in named if isinstance(module, Linear | Conv1D)}


def list_quantized(model: Any, recipe: Recipe) -> dict[str, Any]:
    """List the layers that 4 bits hold, by transformers' own rule.

    Args:
        model: the model, not quantized.
        recipe: may name layers to skip; one that does not quantize skips none.

    Returns:
        The modules by their dotted names.
    """
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    skipped = HfQuantizer.get_modules_to_not_convert(
        model,
        (recipe.quantization or {}).get("llm_int8_skip_modules"),
        model._keep_in_fp32_modules,
    )
    return {
        name: module
        for name, module in list_linear(model).items()
        if type(module) in (Linear, Conv1D) and should_convert_module(name, skipped)
    }


def name_blocks(model: Any) -> list[str]:
    """Name the classes of the layers that stay whole where a model is divided among GPUs.

    Args:
        model: the base model, which may be empty.

    Returns:
        Those that transformers names (`_no_split_modules`) and the model has; none for an
        architecture whose blocks are not known.
    """
    known = getattr(model, "_no_split_modules", None) or ()
    return sorted({type(module).__name__ for module in model.modules()} & set(known))


def is_stored_in_4_bits(config: Any) -> bool:
    """Tell whether a base model's own files hold 4-bit weights, as its config says."""
    return bool(getattr(config, "quantization_config", None))


def make_lora_config(recipe: Recipe, model: Any) -> Any:
    """Make PEFT's config for a model.

    Parts of a base model that no text passes through (for images or sound) get no adapter: it would
    never have a gradient. Nor does a router of experts, which passes for linear and is not.
    LoftQ, which PEFT itself applies to unquantized weights only, follows later.

    Args:
        recipe: the keys of LoraConfig. An `exclude_modules` of its own counts alone.
        model: the base model, or one that is built empty.

    Returns:
        A `LoraConfig`.
    """
    from peft import LoraConfig

    settings = dict(recipe.lora)
    if settings.get("init_lora_weights") == "loftq":
        settings["init_lora_weights"] = True
    excluded = _find_excluded(model)
    if excluded:
        settings.setdefault("exclude_modules", "|".join(excluded))
    return LoraConfig(task_type="CAUSAL_LM", **settings)


def find_packing_obstacle(config: Any, model: Any) -> str | None:
    """Say why packed examples of this model would not be kept apart.

    Args:
        config: the base model's config.
        model: the model, which may be empty.

    Returns:
        The reason, or None if none is known; the first step of a training measures it.
    """
    import inspect

    text = config.get_text_config()
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return "takes no positions"
    carrying = CARRYING & set(getattr(text, "layer_types", None) or [])
    if carrying:
        return f"has layers of the kind {', '.join(sorted(carrying))}"
    if text.model_type in LEAKING:
        return "lets packed examples read each other"
    return None


def measure_context(config: Any) -> int | None:
    """Tell how many tokens a base model reads at once, prompt and answer together.

    A sliding window is no limit: what lies before it is read by the layers below.

    Args:
        config: the base model's config.

    Returns:
        `max_position_embeddings`, or what the positions are stretched to (`rope_parameters`); None
        for models without positions.
    """
    text = config.get_text_config()
    stated: int | None = getattr(text, "max_position_embeddings", None)
    rope = getattr(text, "rope_parameters", None) or {}
    if stated is None or rope.get("rope_type") not in STRETCHED or not rope.get("factor"):
        return stated
    original = rope.get("original_max_position_embeddings") or stated
    return max(stated, int(original * rope["factor"]))


def has_learned_positions(model: Any, context: int | None) -> bool:
    """Tell whether a model has an embedding for each position, and so fails beyond the last one.

    Args:
        model: the model, which may be empty.
        context: tokens that it reads at once.

    Returns:
        Whether it has; some models keep a few positions more than they say.
    """
    from torch.nn import Embedding

    words = model.get_input_embeddings()
    return context is not None and any(
        isinstance(module, Embedding)
        and module is not words
        and context <= module.num_embeddings <= context + SPARE_POSITIONS
        for module in model.get_decoder().modules()
    )


def _find_excluded(model: Any) -> list[str]:
    """Find, as regular expressions, the modules outside of the part for text."""
    decoder = {id(module) for module in model.get_decoder().modules()}
    head = model.get_output_embeddings()
    linear = list_linear(model)
    outer = [name for name, one in linear.items() if id(one) not in decoder and one is not head]
    inside = [name for name, one in linear.items() if id(one) in decoder]
    routers = [name for name in inside if type(linear[name]).__name__.endswith("Router")]
    roots = {_cut_after_fork(name, inside) for name in outer}
    kinds = {re.sub(r"\\\.\d+\\\.", r"\\.\\d+\\.", re.escape(name)) for name in routers}
    return [rf"{re.escape(root)}(\..*)?" for root in sorted(roots)] + sorted(kinds)


def _cut_after_fork(name: str, others: list[str]) -> str:
    """Cut a dotted name after the first part that none of the others begin with."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        root = ".".join(parts[:count])
        if not any(one.startswith(f"{root}.") for one in others):
            return root
    return name

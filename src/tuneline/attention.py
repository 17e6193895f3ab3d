"""Which attention kernels a machine, and a base model, run."""

from typing import Any

from tuneline.parameters import Hardware

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

"""Which attention kernels a machine runs."""

from tuneline.parameters import Hardware

# Flash attention 2 needs an Ampere GPU or a newer one (its README, "Installation").
FLASH_CAPABILITY = 8.0


def choose_attention(hardware: Hardware) -> str:
    """Choose the implementation that `attn_implementation: auto` stands for.

    Args:
        hardware: the machine.

    Returns:
        A value that `from_pretrained` takes.
    """
    if hardware.attn_implementation != "auto":
        return hardware.attn_implementation
    from transformers.utils import is_flash_attn_2_available

    able = (hardware.compute_capability or 0) >= FLASH_CAPABILITY
    return "flash_attention_2" if able and is_flash_attn_2_available() else "sdpa"


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

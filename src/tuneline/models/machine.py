"""What computes here: the name of the GPU, or of the CPU with its cores."""

import os
import platform
from pathlib import Path


def name_processor(device: str) -> str | None:
    """Name what computes on this machine, so that speeds measured elsewhere are told apart.

    Args:
        device: `cuda` or `cpu`.

    Returns:
        The GPU's name as PyTorch gives it, or the CPU's with its cores; None if there is no GPU.
    """
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    count = os.cpu_count() or 1
    return f"{_name_cpu()}, {count} {'core' if count == 1 else 'cores'}"


def _name_cpu() -> str:
    """Read the name that Linux gives; other systems' is less exact."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text("utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return " ".join(value.split())
    return platform.processor() or platform.machine() or "CPU"

"""Memory that a computation takes or took, and what every prediction of it counts."""

from contextlib import suppress
from pathlib import Path

# Of one number, by its format.
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# On a CPU Python and the libraries count (measured); on a GPU the CUDA context (published).
CONTEXT_GB = {"cpu": 0.8, "cuda": 0.147}
# On the disk: tokenizer, configs and logs.
NEXT_TO_WEIGHTS_GB = 0.02
# Writing 5 makes the highest point of the process its present one; see proc(5), Linux only.
FORGET = Path("/proc/self/clear_refs")


def reset_peak(device: str) -> None:
    """Start measuring.

    Args:
        device: `cuda`, or `cpu`; outside Linux the highest point of a process is not forgotten.
    """
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return
    with suppress(OSError):
        FORGET.write_text("5", encoding="utf-8")


def measure_peak(device: str) -> float:
    """Read the highest use since the start.

    Args:
        device: as it was given to `reset_peak`.

    Returns:
        GB (10^9 bytes): on a GPU what PyTorch has reserved of it; on a CPU what the process has
        held of the machine's memory, its libraries included.
    """
    if device == "cuda":
        import torch

        return float(torch.cuda.max_memory_reserved()) / 1e9
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def measure_free_memory() -> float:
    """Measure how much of the machine's memory a process can still take.

    Returns:
        GB (10^9 bytes).
    """
    import psutil

    return float(psutil.virtual_memory().available) / 1e9

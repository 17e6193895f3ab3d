"""Memory that a computation takes or took, and what every prediction of it counts."""

import ctypes
import math
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tuneline.parameters import Hardware

# Of one number, by its format.
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# On a CPU Python and the libraries count: 0.67 where a training begins, and what the stages before
# it leave (measured); on a GPU the CUDA context (published).
CONTEXT_GB = {"cpu": 0.75, "cuda": 0.147}
# On the disk: tokenizer, configs and logs.
NEXT_TO_WEIGHTS_GB = 0.02
# Of the memory next to the weights, for what answers keep: keys, values and scores; the rest is for
# what a pass makes.
KEPT_SHARE = 1 / 2
# Of a product in bfloat16, whose numbers have 8 significant bits, in standard deviations.
ROUNDING = 0.02
# In each format, the fastest of which counts.
PRODUCTS = 5
# Writing 5 makes the highest point of the process its present one; see proc(5), Linux only.
FORGET = Path("/proc/self/clear_refs")


def keeps_dequantized(parameters: int, hardware: Hardware) -> bool:
    """Tell whether a base model's 4-bit weights are dequantized once, as it is loaded.

    A GPU dequantizes them at every pass faster than it would read them; a CPU takes half of its
    time for it.

    Args:
        parameters: of the base model.
        hardware: the machine.

    Returns:
        Whether it is a CPU and the weights take at most half of its memory.
    """
    weights = parameters * BYTES[hardware.dtype] / 1e9
    return hardware.device == "cpu" and weights <= hardware.memory_gb / 2


def derive_free_memory(model: Any, hardware: Hardware) -> float:
    """Derive how much memory there is next to a model's weights.

    It follows from the settings, not from what other programs hold: the same run on the same
    machine then does the same.

    Args:
        model: on its device.
        hardware: the machine.

    Returns:
        Bytes; 0 where the weights and the libraries already take all of it.
    """
    weights = sum(int(one.nbytes) for one in (*model.parameters(), *model.buffers()))
    free = (hardware.memory_gb - CONTEXT_GB[hardware.device]) * 1e9
    return max(0.0, free - weights)


def measure_bfloat16() -> float | None:
    """Measure what bfloat16 costs on this CPU.

    Returns:
        The time of a product of matrices in it, in units of the time in float32; None if the
        product is wrong.

    Raises:
        RuntimeError: if PyTorch cannot compute it.
    """
    import torch
    from torch.nn.functional import linear

    generator = torch.Generator().manual_seed(0)
    inputs, weight = (torch.randn(rows, 576, generator=generator) for rows in (256, 1536))
    pairs = {
        dtype: (inputs.to(dtype), weight.to(dtype)) for dtype in (torch.float32, torch.bfloat16)
    }
    seconds, results = dict.fromkeys(pairs, math.inf), {}
    threads = torch.get_num_threads()
    # The time of one thread, which neither other programs nor other threads make longer.
    torch.set_num_threads(1)
    try:
        for dtype in PRODUCTS * list(pairs):
            start = time.thread_time()
            results[dtype] = linear(*pairs[dtype]).float()
            seconds[dtype] = min(seconds[dtype], time.thread_time() - start)
    finally:
        torch.set_num_threads(threads)
    exact = results[torch.float32]
    error = (results[torch.bfloat16] - exact).abs().mean() / exact.std()
    if not error < ROUNDING:  # not a number is no smaller either
        return None
    return seconds[torch.bfloat16] / seconds[torch.float32]


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

    # The highest use of `getrusage` outlives `exec`: a child of a large process begins with its.
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts in bytes (getrusage(2))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def return_freed(device: str) -> None:
    """Give what is free back to the system.

    glibc keeps freed blocks below the last one in use (mallopt(3)): after a model is loaded about
    as much as its file.

    Args:
        device: `cpu`; a GPU has an allocator of its own. Elsewhere than on glibc nothing happens.
    """
    if device == "cpu":
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)


def measure_free_memory() -> float:
    """Measure how much of the machine's memory a process can still take.

    Returns:
        GB (10^9 bytes).
    """
    import psutil

    return float(psutil.virtual_memory().available) / 1e9

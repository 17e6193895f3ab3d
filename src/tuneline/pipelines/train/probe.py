"""One measured step on the longest batch, before the run."""

import time
from dataclasses import dataclass
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.memory_use import measure_peak, reset_peak
from tuneline.parameters import Hardware


@dataclass(frozen=True)
class Probe:
    """What the step took.

    Attributes:
        tokens: that went through.
        seconds: forward and backward.
        peak_gb: memory at its highest, in 10^9 bytes.
    """

    tokens: int
    seconds: float
    peak_gb: float


def probe_step(trainer: Any, rows: Any, hardware: Hardware) -> Probe:
    """Pass the longest batch forward and backward, and leave no trace of it.

    Args:
        trainer: ready to train.
        rows: the training rows.
        hardware: the machine.

    Returns:
        What it took.

    Raises:
        TunelineError: if the device's memory does not suffice.
    """
    import torch

    batch = trainer.flatten(_choose_longest(rows, hardware))
    devices = [torch.cuda.current_device()] if hardware.device == "cuda" else []
    reset_peak(hardware.device)
    start = time.perf_counter()
    try:
        with torch.random.fork_rng(devices):
            _pass_once(trainer, batch, hardware)
            peak = measure_peak(hardware.device)
    except torch.OutOfMemoryError as error:
        raise TunelineError(_word_overflow(hardware)) from error
    finally:
        trainer.model.zero_grad(set_to_none=True)
    return Probe(batch["input_ids"].numel(), time.perf_counter() - start, peak)


def _choose_longest(rows: Any, hardware: Hardware) -> list[dict[str, Any]]:
    """Take the longest examples that share a pass."""
    by_length = sorted(range(len(rows)), key=lambda index: -len(rows[index]["input_ids"]))
    chosen: list[dict[str, Any]] = []
    tokens = 0
    for index in by_length:
        length = len(rows[index]["input_ids"])
        if chosen and tokens + length > hardware.tokens_per_batch:
            break
        chosen.append(rows[index])
        tokens += length
    return chosen


def _pass_once(trainer: Any, batch: dict[str, Any], hardware: Hardware) -> None:
    import torch

    model = trainer.model.train()
    inputs = {
        name: value.to(model.device) if hasattr(value, "to") else value
        for name, value in batch.items()
    }
    dtype = getattr(torch, hardware.dtype)
    with torch.autocast(hardware.device, dtype, enabled=dtype != torch.float32):
        found = model(**inputs, fused_lm_head=True)
    (-found.log_probs.sum() / found.label_mask.sum()).backward()


def _word_overflow(hardware: Hardware) -> Problem:
    return Problem(
        where="hardware.tokens_per_batch",
        value=hardware.tokens_per_batch,
        wrong=f"one step on the longest batch does not fit into the memory of {hardware.name}",
        matters="the run would end in an out-of-memory error when this batch comes",
        remedy="take the first step of the plan's ladder that has not been taken, and see whether "
        "another program holds the GPU's memory",
    )

"""What is measured on the model before a run: one step on the longest batch, and its packing."""

import time
from dataclasses import dataclass
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.models.memory import measure_peak, reset_peak
from tuneline.parameters import Hardware

# Examples of this many tokens tell whether packed ones read each other.
PROBED_TOKENS = 48
# Mean difference of logits, in standard deviations of them, that is no rounding: by number format.
DIFFERENCE = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.05}


@dataclass(frozen=True)
class Probe:
    """What the step took: tokens, seconds, memory at its highest in GB (10^9 bytes)."""

    tokens: int
    seconds: float
    peak_gb: float


def probe_step(trainer: Any, rows: Any, hardware: Hardware) -> Probe:
    """Pass the longest batch forward and backward, and leave no trace of it.

    Raises:
        TunelineError: if the device's memory does not suffice.
    """
    import torch

    batch = _make_batch(trainer, rows, hardware)
    devices = [torch.cuda.current_device()] if hardware.device == "cuda" else []
    reset_peak(hardware.device)
    start = time.perf_counter()
    try:
        with torch.random.fork_rng(devices):
            _pass_once(trainer, batch, hardware)
            peak = measure_peak(hardware.device)
    except torch.OutOfMemoryError as error:
        raise TunelineError(_format_overflow(hardware)) from error
    finally:
        trainer.model.zero_grad(set_to_none=True)
    return Probe(batch["input_ids"].numel(), time.perf_counter() - start, peak)


def check_packing(trainer: Any, rows: Any, hardware: Hardware) -> None:
    """Refuse to pack for a model that would let the examples of a pack read each other.

    Raises:
        TunelineError: if the second of two packed examples has other logits than alone.
    """
    first, second = rows[0], rows[len(rows) - 1]
    pair = [{name: ids[:PROBED_TOKENS] for name, ids in row.items()} for row in (first, second)]
    try:
        alone = _score(trainer, [pair[1]], hardware)
        packed = _score(trainer, pair, hardware)[-len(alone) :]
    except ValueError as error:  # as transformers refuses it, where it knows
        raise TunelineError(_format_leak(" ".join(str(error).split()).rstrip("."))) from error
    difference = float((packed - alone).abs().mean() / alone.std())
    if difference > DIFFERENCE[hardware.dtype]:
        raise TunelineError(_format_leak(f"logits differ by {difference:.2g} standard deviations"))


def _score(trainer: Any, rows: list[dict[str, Any]], hardware: Hardware) -> Any:
    """Compute the logits of rows in one pack: (tokens, vocabulary), float32."""
    import torch
    from accelerate.utils import send_to_device

    model = trainer.model.eval()
    batch = send_to_device(trainer.flatten(rows), model.device)
    batch.pop("labels", None)
    dtype = getattr(torch, hardware.dtype)
    with torch.no_grad(), torch.autocast(hardware.device, dtype, enabled=dtype != torch.float32):
        return model(**batch, use_cache=False).logits[0].float()


def _make_batch(trainer: Any, rows: Any, hardware: Hardware) -> Any:
    """Make the longest batch that the training will meet."""
    if trainer.recipe.packing:
        return trainer.flatten(_choose_longest(rows, hardware))
    by_length = sorted(range(len(rows)), key=lambda index: -len(rows[index]["input_ids"]))
    chosen = by_length[: hardware.per_device_train_batch_size]
    return trainer.data_collator([rows[index] for index in chosen])


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
    from accelerate.utils import send_to_device

    model = trainer.model.train()
    inputs = send_to_device(batch, model.device)
    dtype = getattr(torch, hardware.dtype)
    with torch.autocast(hardware.device, dtype, enabled=dtype != torch.float32):
        found = model(**inputs, fused_lm_head=True)
    (-found.log_probs.sum() / found.label_mask.sum()).backward()


def _format_leak(reason: str) -> Problem:
    return Problem(
        where="recipe.packing",
        value=True,
        wrong=f"packed examples would read each other in this base model ({reason})",
        matters="the adapter would learn from texts that no prompt will have before it",
        remedy="set packing: false, and plan again",
    )


def _format_overflow(hardware: Hardware) -> Problem:
    return Problem(
        where="hardware.tokens_per_batch",
        value=hardware.tokens_per_batch,
        wrong=f"one step on the longest batch does not fit into the memory of {hardware.name}",
        matters="the run would end in an out-of-memory error when this batch comes",
        remedy="take the first step of the plan's savings that has not been taken, and see whether "
        "another program holds the GPU's memory",
    )

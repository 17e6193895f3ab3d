"""Tokens, time and cost of a run, and what follows from the machine."""

from typing import Any

import pandas as pd

from tuneline.attention import choose_attention
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.hardware import derive_dtype
from tuneline.schedule import derive_accumulation


def describe_tokens(used: pd.DataFrame, steps: dict[str, int | float]) -> dict[str, int]:
    """Describe the lengths of the examples that are used.

    Args:
        used: tokens of each of them.
        steps: epochs of the run.

    Returns:
        Quantiles, the longest, tokens and trained tokens per epoch, tokens of the whole run.
    """
    quantiles = used["tokens"].quantile([0.5, 0.95]).fillna(0).round().astype(int)
    per_epoch = int(used["tokens"].sum())
    return {
        "median": int(quantiles[0.5]),
        "percentile_95": int(quantiles[0.95]),
        "longest": int(used["tokens"].max()) if len(used) else 0,
        "per_epoch": per_epoch,
        "trained_per_epoch": int(used["completion_tokens"].sum()),
        "in_all": round(per_epoch * steps["epochs"]),
    }


def estimate_time(tokens: int, hardware: Hardware) -> dict[str, Any]:
    """Estimate time and cost from a throughput that was measured before.

    Args:
        tokens: of the whole run.
        hardware: throughput and price; either may be unknown.

    Returns:
        `seconds` and `cost`, null where they cannot be known; the throughput and the `currency`.
    """
    rate, price = hardware.tokens_per_second, hardware.price_per_hour
    seconds = tokens / rate if rate else None
    cost = price * seconds / 3600 if seconds is not None and price is not None else None
    return {
        "tokens_per_second": rate,
        "seconds": None if seconds is None else round(seconds),
        "cost": None if cost is None else round(cost, 4),
        "currency": hardware.currency,
    }


def describe_derived(recipe: Recipe, hardware: Hardware, config: Any) -> dict[str, str]:
    """Say what nobody stated and what it follows from."""
    follows = derive_dtype(hardware.compute_capability) == hardware.dtype
    capability = hardware.compute_capability
    reason = "a CPU" if capability is None else f"compute capability {capability:g}"
    batch = (
        f"packed without padding, up to {hardware.tokens_per_batch:,} tokens in a pass"
        if recipe.packing
        else f"{derive_accumulation(recipe, hardware)} batches of "
        f"{hardware.per_device_train_batch_size}"
    )
    return {
        "dtype": f"{hardware.dtype} ({reason if follows else 'stated'})",
        "attention": f"{choose_attention(hardware, config)} ({hardware.attn_implementation})",
        "step": f"{recipe.global_batch_size} examples, {batch}, on {hardware.processes} "
        f"{'process' if hardware.processes == 1 else 'processes'}",
    }

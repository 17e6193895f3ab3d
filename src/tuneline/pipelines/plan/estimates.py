"""Tokens and disk of a run, and what follows from the machine."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tuneline.hub.cache import find_hub_cache, has_weights
from tuneline.hub.gguf import describe_gguf, find_gguf
from tuneline.models.architecture import has_learned_positions, measure_context
from tuneline.models.batching import derive_accumulation
from tuneline.models.loading import choose_attention
from tuneline.models.memory import NEXT_TO_WEIGHTS_GB
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.parameters.hardware import BFLOAT16_FLAGS, derive_dtype, list_bfloat16_flags
from tuneline.pipelines.plan.memory_estimate import ModelSize, count_optimizer_bytes
from tuneline.utils.disks import Volume, count_missing, measure_volume, shorten_path

# Hubs keep models in 16 bits.
DOWNLOAD_BYTES = 2


def describe_tokens(used: pd.DataFrame, steps: dict[str, int | float]) -> dict[str, int]:
    """Describe the lengths of the examples that are used: quantiles, the longest, the sums."""
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


def describe_resolved(recipe: Recipe, hardware: Hardware, config: Any) -> dict[str, str]:
    """Say what nobody stated and what it follows from."""
    follows = derive_dtype(hardware.compute_capability) == hardware.dtype
    batch = (
        f"packed without padding, up to {hardware.tokens_per_batch:,} tokens in a pass"
        if recipe.packing
        else f"{derive_accumulation(recipe, hardware)} batches of "
        f"{hardware.per_device_train_batch_size}"
    )
    file = find_gguf(recipe.base_model)
    again = (
        "for the training dequantized, and not rounded again"
        if recipe.quantization is None
        else "for the training dequantized, and rounded again, to 4 bits"
    )
    weights = {"weights": f"{describe_gguf(file).describe_rounding()}; {again}"} if file else {}
    return {
        **weights,
        "dtype": f"{hardware.dtype} ({_explain_dtype(hardware) if follows else 'stated'})",
        "attention": f"{choose_attention(hardware, config)} ({hardware.attn_implementation})",
        "step": f"{recipe.global_batch_size} examples, {batch}, on "
        f"{hardware.world_size} {'process' if hardware.world_size == 1 else 'processes'}",
    }


def _explain_dtype(hardware: Hardware) -> str:
    if hardware.compute_capability is not None:
        return f"compute capability {hardware.compute_capability:g}"
    flags = list_bfloat16_flags()
    if flags:
        return f"the processor has {' and '.join(flags)}"
    return f"a CPU without {' or '.join(BFLOAT16_FLAGS)}"


def measure_disks(checkpoints: Path, adapters: Path) -> dict[str, Volume]:
    """Measure the disks that a run writes to, by purpose."""
    return {
        "hub_cache": measure_volume(find_hub_cache()),
        "checkpoints": measure_volume(shorten_path(checkpoints)),
        "output": measure_volume(shorten_path(adapters)),
    }


def plan_disk(
    size: ModelSize, recipe: Recipe, volumes: Mapping[str, Volume], adapters: int = 1
) -> list[dict[str, Any]]:
    """Compare needed with free space.

    Of each purpose `folder`, `needed_gb`, `free_gb` (10^9 bytes) and `fits`, which is false if
    everything that goes to the same disk is more than it has free.
    """
    needed = {
        "hub_cache": _download_gb(size, recipe),
        "checkpoints": adapters * _checkpoints_gb(size, recipe),
        "output": adapters * (size.trainable * 4 / 1e9 + NEXT_TO_WEIGHTS_GB),
    }
    free = {purpose: round(volume.free / 1e9, 3) for purpose, volume in volumes.items()}
    devices = {purpose: volume.device for purpose, volume in volumes.items()}
    missing = count_missing(needed, devices, free)
    return [
        {
            "purpose": purpose,
            "folder": str(volume.folder),
            "needed_gb": round(needed[purpose], 3),
            "free_gb": free[purpose],
            "fits": not missing[purpose],
        }
        for purpose, volume in volumes.items()
    ]


def _download_gb(size: ModelSize, recipe: Recipe) -> float:
    if has_weights(recipe):
        return 0.0
    return (size.quantized + size.unquantized) * DOWNLOAD_BYTES / 1e9


def _checkpoints_gb(size: ModelSize, recipe: Recipe) -> float:
    """Count the newest ones, the best one, and one that is being written."""
    kept = ((recipe.model_extra or {}).get("save_total_limit") or 2) + 2
    return kept * (size.trainable * (4 + count_optimizer_bytes(recipe)) / 1e9 + NEXT_TO_WEIGHTS_GB)


def describe_overlong(
    token_report: pd.DataFrame, used: pd.DataFrame, recipe: Recipe
) -> dict[str, Any]:
    """Count the examples that are too long, and what is lost of those that are trained on.

    Returns:
        `policy`, `max_length`, `allowed_share`; `share` and `ids` of the long training examples;
        by split how many are `left_out` and how many `cut`, and how many are `used`; tokens that
        the training loses, and end tokens lost by cutting. A test example is neither cut nor left
        out: the evaluation reads it whole.
    """
    trained = token_report[token_report["split"] == "train"]
    over = trained[~trained["fits"]]
    left_out, cut, kept = {}, {}, {}
    for split in ("train", "validation"):
        rows = token_report[token_report["split"] == split]
        long = rows[~rows["fits"]]
        whole = recipe.overlong == "truncate"
        cut[split] = int((long["prompt_tokens"] < recipe.max_length).sum()) if whole else 0
        left_out[split] = len(long) - cut[split]
        kept[split] = len(rows) - left_out[split]
    return {
        "policy": recipe.overlong,
        "max_length": recipe.max_length,
        "allowed_share": recipe.max_overlong_fraction,
        "share": len(over) / max(1, len(trained)),
        "ids": over["id"].tolist(),
        "left_out": left_out,
        "cut": cut,
        "used": kept,
        "tokens_lost": int(trained["tokens"].sum() - used["tokens"].sum()),
        "end_tokens_lost": cut["train"],
    }


def choose_used(token_report: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Choose the training examples that are used, at the length at which they are."""
    trained = token_report[token_report["split"] == "train"]
    if recipe.overlong != "truncate":
        return trained[trained["fits"]]
    used = trained[trained["prompt_tokens"] < recipe.max_length]
    tokens = used["tokens"].clip(upper=recipe.max_length)
    return used.assign(tokens=tokens, completion_tokens=tokens - used["prompt_tokens"])


def describe_learning_rate(total: int, recipe: Recipe) -> dict[str, Any]:
    """Work out `warmup_steps` and the `peak`, the largest rate as a share of the stated one.

    The peak is null for a scheduler that waits for losses.
    """
    import torch
    from transformers import get_scheduler

    stated = recipe.model_extra or {}
    warmup = stated.get("warmup_steps") or 0
    steps = int(warmup) if warmup >= 1 else math.ceil(total * warmup)
    name = str(stated.get("lr_scheduler_type", "linear"))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    kwargs = dict(stated.get("lr_scheduler_kwargs") or {})
    scheduler = get_scheduler(name, optimizer, steps, total, kwargs)
    (share,) = getattr(scheduler, "lr_lambdas", [None])
    peak = None if share is None else round(max(share(step) for step in range(total)), 4)
    return {"warmup_steps": steps, "peak": peak}


def describe_context(
    token_report: pd.DataFrame, used: pd.DataFrame, config: Any, model: Any, evaluation: Evaluation
) -> dict[str, Any]:
    """Compare examples, and held-out prompts with their answers, with the model's context.

    Returns:
        `tokens` that the model reads at once (null: any number) and whether more of them `fails`;
        the `max_new_tokens` of an answer; by split the ids of examples that are `longer`, and in
        `answers` those of the test rows whose prompt leaves no room for the longest answer.
    """
    tokens, answer = measure_context(config), evaluation.generation.get("max_new_tokens") or 0
    longer: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    answers: list[str] = []
    if tokens is not None:
        held_out = token_report[token_report["split"] != "train"]
        for split, rows in [("train", used), *held_out.groupby("split")]:
            longer[str(split)] = rows.loc[rows["tokens"] > tokens, "id"].tolist()
        test = held_out[held_out["split"] == "test"]
        answers = test.loc[test["prompt_tokens"] + answer > tokens, "id"].tolist()
    return {
        "tokens": tokens,
        "fails": has_learned_positions(model, tokens),
        "max_new_tokens": answer,
        "longer": longer,
        "answers": answers,
    }

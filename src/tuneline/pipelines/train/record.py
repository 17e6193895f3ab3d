"""The record of a run: what was planned, what came of it, and what the numbers say."""

from typing import Any

import pandas as pd

from tuneline.adapters import Adapter, hash_adapter
from tuneline.parameters import Hardware, Recipe

# Validation losses closer than this are the same: the difference of two seeds is larger.
SAME_LOSS = 0.01


def describe_training(
    epochs: pd.DataFrame,
    training_log: pd.DataFrame,
    facts: dict[str, Any],
    plan: dict[str, Any],
    adapter: Adapter,
    recipe: Recipe,
    hardware: Hardware,
) -> dict[str, Any]:
    """Describe a run that is through.

    Args:
        epochs: one row an epoch.
        training_log: one row a logged step.
        facts: steps, device and peak memory, as measured.
        plan: what was foreseen.
        adapter: what came out.
        recipe: what was trained and how.
        hardware: the machine; its price makes the cost.

    Returns:
        `words`; the `adapter` by its fingerprint; `comparison` of plan and actual; `best`, where
        the released adapter comes from; epochs, device, seeds, versions.
    """
    last = training_log.iloc[-1]
    seconds, tokens = float(last["seconds"]), int(last["num_tokens"])
    released = training_log[training_log["step"] == facts["released_step"]].iloc[0]
    best = {
        "step": int(released["step"]),
        "epoch": round(float(released["epoch"]), 2),
        "validation_loss": round(float(released["eval_loss"]), 4),
    }
    record = {
        "adapter": hash_adapter(adapter),
        "best": best,
        "base_validation_loss": round(float(training_log["eval_loss"].dropna().iloc[0]), 4),
        "epochs": epochs.to_dict("records"),
        "tokens_per_second": round(tokens / seconds, 1),
        "cost": _cost(seconds, hardware),
        "device": facts["device"],
        "comparison": _compare(facts, tokens, seconds, plan, adapter, hardware),
        "trainable_share": plan["parameters"]["trainable_share"],
        "seed": recipe.seed,
        "versions": adapter.provenance["versions"],
    }
    return {"words": " ".join(_word(record)), **record}


def _compare(
    facts: dict[str, Any],
    tokens: int,
    seconds: float,
    plan: dict[str, Any],
    adapter: Adapter,
    hardware: Hardware,
) -> list[dict[str, Any]]:
    size = sum(tensor.numel() * tensor.element_size() for tensor in adapter.tensors.values())
    trainable = sum(tensor.numel() for tensor in adapter.tensors.values())
    planned_hours = (plan["time"]["seconds"] or 0) / 3600 or None
    cost = _cost(seconds, hardware)
    rows: list[tuple[str, Any, Any, str]] = [
        ("steps", plan["steps"]["total"], facts["steps"], ""),
        ("tokens", plan["tokens"]["in_all"], tokens, ""),
        ("wall time", planned_hours, seconds / 3600, "h"),
        ("cost", plan["time"]["cost"], cost, hardware.currency),
        ("peak memory", plan["memory_gb"]["total"], facts["peak_memory_gb"], "GB"),
        ("trainable parameters", plan["parameters"]["trainable"], trainable, ""),
        ("adapter size", plan["adapter_megabytes"], size / 1e6, "MB"),
    ]
    return [
        {"name": name, "planned": _round(planned), "actual": _round(actual), "unit": unit}
        for name, planned, actual, unit in rows
    ]


def _word(record: dict[str, Any]) -> list[str]:
    best, epochs = record["best"], record["epochs"]
    before = record["base_validation_loss"]
    change = (best["validation_loss"] - before) / before
    words = [
        f"The released adapter is the one after step {best['step']:,} (epoch {best['epoch']:g}): "
        f"validation loss {best['validation_loss']:.4f}, the base model's {before:.4f} "
        f"({change:+.0%})."
    ]
    last = epochs[-1]
    rise = last["validation_loss"] / best["validation_loss"] - 1
    if rise > SAME_LOSS and last["training_loss"] < epochs[0]["training_loss"]:
        words.append(
            f"After epoch {best['epoch']:g} it was overfitting: the training loss went on falling, "
            f"the validation loss rose by {rise:.0%}."
        )
    elif best["step"] == last["step"]:
        words.append("The validation loss fell to the end: more epochs may still help.")
    else:
        words.append("After that the validation loss stayed about the same.")
    return words


def _cost(seconds: float, hardware: Hardware) -> float | None:
    if hardware.price_per_hour is None:
        return None
    return hardware.price_per_hour * seconds / 3600


def _round(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value

"""The record of a run: what was planned, what came of it, and what the numbers say."""

from typing import Any

import pandas as pd

from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.fingerprints import read_inputs
from tuneline.parameters import Hardware, Recipe
from tuneline.reporting.pages import count
from tuneline.training.best_checkpoint import read_choice

# Validation losses closer than this share are the same: the difference of two seeds is larger.
SAME_LOSS = 0.01
# From one measurement after the start no direction can be read.
MEASURED = 2
LOG_COLUMNS = [
    "step",
    "epoch",
    "loss",
    "eval_loss",
    "eval_chrf",
    "mean_token_accuracy",
    "eval_mean_token_accuracy",
    "entropy",
    "eval_entropy",
    "num_tokens",
    "seconds",
    "learning_rate",
    "grad_norm",
]


def describe_training(
    epochs: pd.DataFrame,
    training_log: pd.DataFrame,
    stats: dict[str, Any],
    plan: dict[str, Any],
    adapter: Adapter,
    recipe: Recipe,
    hardware: Hardware,
) -> dict[str, Any]:
    """Describe a run that is through.

    Args:
        epochs: one row an epoch.
        training_log: one row a logged step.
        stats: steps, device and peak memory, as measured.
        plan: what was predicted.
        adapter: what came out.
        recipe: what was trained and how.
        hardware: the machine; its price makes the cost.

    Returns:
        `summary`; the `adapter` by its fingerprint; `comparison` of plan and actual; `best`, where
        the released adapter comes from; `examples` used, left out and cut, by split; epochs,
        device, seeds, versions; and the `inputs` that the adapter was made of.
    """
    last = training_log.iloc[-1]
    seconds, tokens = float(last["seconds"]), int(last["num_tokens"])
    released = training_log[training_log["step"] == stats["released_step"]].iloc[0]
    best = {
        "step": int(released["step"]),
        "epoch": round(float(released["epoch"]), 2),
        "validation_loss": round(float(released["eval_loss"]), 4),
        "chosen_by": read_choice(stats.get("best_checkpoint")).metric,
    }
    if best["chosen_by"] == "chrf":
        best["validation_chrf"] = round(float(released["eval_chrf"]), 2)
    measured = training_log.dropna(subset=["eval_loss"])
    losses = measured.loc[measured["step"] > 0, "eval_loss"].tolist()
    record = {
        "adapter": hash_adapter(adapter),
        "best": best,
        "base_validation_loss": round(float(measured["eval_loss"].iloc[0]), 4),
        "epochs": epochs.to_dict("records"),
        "examples": {key: plan["overlong"][key] for key in ("used", "left_out", "cut")},
        "tokens_per_second": round(tokens / seconds, 1),
        "cost": _cost(seconds, hardware),
        "device": stats["device"],
        "comparison": _compare(stats, tokens, seconds, plan, adapter, hardware),
        "trainable_share": plan["parameters"]["trainable_share"],
        "seed": recipe.seed,
        "versions": adapter.provenance["versions"],
        "inputs": read_inputs(adapter),
    }
    words = [
        *_describe_losses(record, losses),
        _describe_choice(best, stats, measured),
        *_format_examples(record["examples"], recipe),
    ]
    return {"summary": " ".join(words), **record}


def _describe_choice(best: dict[str, Any], stats: dict[str, Any], measured: pd.DataFrame) -> str:
    """Say what chose the released checkpoint, and why."""
    reason = read_choice(stats.get("best_checkpoint")).reason
    if best["chosen_by"] == "loss":
        return f"The validation loss chose it: {reason}."
    words = f"The answers to the validation prompts chose it (chrF {best['validation_chrf']:.1f})"
    after_start = measured[measured["step"] > 0].sort_values("eval_loss")
    lowest = int(after_start["step"].iloc[0])
    if lowest == best["step"]:
        return f"{words}: {reason}."
    return f"{words}: {reason}. The validation loss is lowest after step {lowest:,}."


def _compare(
    stats: dict[str, Any],
    tokens: int,
    seconds: float,
    plan: dict[str, Any],
    adapter: Adapter,
    hardware: Hardware,
) -> list[dict[str, Any]]:
    size = sum(tensor.numel() * tensor.element_size() for tensor in adapter.tensors.values())
    trainable = sum(tensor.numel() for tensor in adapter.tensors.values())
    planned = plan["time"]["training"]
    planned_hours = (planned["seconds"] or 0) / 3600 or None
    cost = _cost(seconds, hardware)
    rows: list[tuple[str, Any, Any, str]] = [
        ("steps", plan["steps"]["total"], stats["steps"], ""),
        ("tokens", plan["tokens"]["in_all"], tokens, ""),
        ("wall time", planned_hours, seconds / 3600, "h"),
        ("cost", planned["cost"], cost, hardware.currency),
        ("peak memory", plan["memory_gb"]["total"], stats["peak_memory_gb"], "GB"),
        ("trainable parameters", plan["parameters"]["trainable"], trainable, ""),
        ("adapter size", plan["adapter_megabytes"], size / 1e6, "MB"),
    ]
    return [
        {"name": name, "planned": _round(planned), "actual": _round(actual), "unit": unit}
        for name, planned, actual, unit in rows
    ]


def _describe_losses(record: dict[str, Any], losses: list[float]) -> list[str]:
    """Say what the validation losses say; `losses` are those after the start, in order."""
    best, before = record["best"], record["base_validation_loss"]
    change = (best["validation_loss"] - before) / before
    words = [
        f"The released adapter is the one after step {best['step']:,} (epoch {best['epoch']:g}): "
        f"validation loss {best['validation_loss']:.4f}, the base model's {before:.4f} "
        f"({change:+.0%})."
    ]
    if abs(change) <= SAME_LOSS:
        words.append(
            f"The two are within {SAME_LOSS:.0%} of each other, as two seeds are: hardly anything "
            "was learned that the validation examples show."
        )
    elif change > 0:
        words.append("The training has made the validation loss worse.")
    elif len(losses) < MEASURED:
        words.append(
            "The validation loss was measured once after the start: whether it was still falling "
            "is not known."
        )
    else:
        words.append(_format_end(record, losses))
    return words


def _format_end(record: dict[str, Any], losses: list[float]) -> str:
    """Say how a validation loss that has fallen went on to the end."""
    epochs, best = record["epochs"], record["best"]
    rise = losses[-1] / min(losses) - 1
    if rise > SAME_LOSS:
        rose = f"the validation loss rose by {rise:.0%}."
        if epochs[-1]["training_loss"] < epochs[0]["training_loss"]:
            return (
                f"After epoch {best['epoch']:g} it was overfitting: the training loss went on "
                f"falling, {rose}"
            )
        return f"After epoch {best['epoch']:g} {rose}"
    if 1 - losses[-1] / min(losses[:-1]) > SAME_LOSS:
        return "The validation loss fell to the end: more epochs may still help."
    return "Toward the end the validation loss stayed about the same."


def _format_examples(examples: dict[str, dict[str, int]], recipe: Recipe) -> list[str]:
    words = []
    for split, what in (("train", "learned from"), ("validation", "in the validation loss")):
        lost, cut = examples["left_out"][split], examples["cut"][split]
        total = examples["used"][split] + lost
        of = f"of {count(total, 'training example' if split == 'train' else 'validation example')}"
        longer = f"longer than recipe.max_length = {recipe.max_length}"
        if lost:
            words.append(f"{lost:,} {of}, {longer}, not {what}.")
        if cut:
            words.append(f"{cut:,} {of}, {longer}, cut there.")
    return words


def _cost(seconds: float, hardware: Hardware) -> float | None:
    if hardware.price_per_hour is None:
        return None
    return hardware.price_per_hour * seconds / 3600


def _round(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def make_log(entries: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a table of the trainer's log.

    Args:
        entries: its entries, several a step.

    Returns:
        One row a logged step, step 0 for the base model; see `LOG_COLUMNS`.
    """
    return (
        pd.DataFrame(entries).groupby("step", as_index=False).first().reindex(columns=LOG_COLUMNS)
    )


def list_epochs(training_log: pd.DataFrame) -> pd.DataFrame:
    """Sum a log up by epoch.

    Args:
        training_log: one row a logged step.

    Returns:
        One row an epoch (the last may be a part of one): `epoch`, `step` at its end,
        `training_loss` (mean of the epoch's steps, each of them once), `validation_loss`,
        `validation_chrf` of the answers where these chose the checkpoint, `token_accuracy` (%) and
        `entropy` (nats) on the validation examples, `tokens` and `seconds` so far.
    """
    trained = training_log[training_log["step"] > 0]
    number = (trained["epoch"] - 1e-9).floordiv(1).astype(int) + 1
    losses = _average_losses(trained.assign(number=number).dropna(subset=["loss"]))
    measured = trained[trained["eval_loss"].notna()]
    last = measured.groupby(number).last()
    answered: dict[str, pd.Series] = {}
    if last["eval_chrf"].notna().any():
        answered["validation_chrf"] = last["eval_chrf"].round(2)
    return pd.DataFrame(
        {
            "epoch": last["epoch"].round(2),
            "step": last["step"],
            "training_loss": losses.reindex(last.index).round(4),
            "validation_loss": last["eval_loss"].round(4),
            **answered,
            "token_accuracy": (100 * last["eval_mean_token_accuracy"]).round(2),
            "entropy": last["eval_entropy"].round(4),
            "tokens": last["num_tokens"].astype(int),
            "seconds": last["seconds"].round(1),
        }
    ).reset_index(drop=True)


def _average_losses(logged: pd.DataFrame) -> pd.Series:
    """Average the losses of an epoch: each logged one is the mean of the steps since the last."""
    steps = logged["step"].diff().fillna(logged["step"])
    sums = (logged["loss"] * steps).groupby(logged["number"]).sum()
    return sums / steps.groupby(logged["number"]).sum()

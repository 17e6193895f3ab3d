"""The record of a run: what was planned, what came of it, and what the numbers say."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.fingerprints import read_inputs
from tuneline.models.start_adapter import describe_unknown
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.curve import Curve
from tuneline.pipelines.train.findings import read_curve
from tuneline.reporting.pages import count
from tuneline.training.best_checkpoint import read_choice

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

    Returns:
        `summary`; the `adapter` by its fingerprint; `comparison` of plan and actual; `best`, where
        the released adapter comes from; `curve`, what the losses say, as `Finding` has it;
        `examples` used, left out and cut, by split; epochs, device, seeds, versions; and the
        `inputs` that the adapter was made of.
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
    curve = make_curve(training_log, plan)
    finding = read_curve(curve, recipe)
    if best["chosen_by"] == "chrf":
        best["validation_chrf"] = round(float(released["eval_chrf"]), 2)
    record = {
        "adapter": hash_adapter(adapter),
        "best": best,
        "base_validation_loss": round(curve.base, 4),
        "curve": asdict(finding),
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
        _describe_best(record),
        _describe_choice(best, stats, training_log.dropna(subset=["eval_loss"])),
        finding.format(),
        describe_unknown(record["inputs"].get("start", {})),
        *_format_examples(record["examples"], recipe),
    ]
    return {"summary": " ".join(filter(None, words)), **record}


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


def _describe_best(record: dict[str, Any]) -> str:
    """Say which checkpoint is released, and how far it is below the base model."""
    best, before = record["best"], record["base_validation_loss"]
    start = record["inputs"].get("start")
    whose = "that of the adapter it started from" if start else "the base model's"
    change = (best["validation_loss"] - before) / before
    return (
        f"The released adapter is the one after step {best['step']:,} (epoch {best['epoch']:g}): "
        f"validation loss {best['validation_loss']:.4f}, {whose} {before:.4f} "
        f"({change:+.0%})."
    )


def make_curve(training_log: pd.DataFrame, plan: dict[str, Any]) -> Curve:
    """Take the curves out of a log."""
    measured = training_log.dropna(subset=["eval_loss"])
    after = measured[measured["step"] > 0]
    logged = training_log.dropna(subset=["loss"])
    last = training_log.iloc[-1]
    return Curve(
        base=float(measured["eval_loss"].iloc[0]),
        steps=after["step"].to_numpy(float),
        losses=after["eval_loss"].to_numpy(float),
        training_steps=logged["step"].to_numpy(float),
        training_losses=logged["loss"].to_numpy(float),
        steps_per_epoch=float(last["step"] / last["epoch"]),
        planned=int(plan["steps"]["total"]),
    )


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
    """Make a table of the trainer's log, step 0 for the base model: see `LOG_COLUMNS`."""
    return (
        pd.DataFrame(entries).groupby("step", as_index=False).first().reindex(columns=LOG_COLUMNS)
    )


def list_epochs(training_log: pd.DataFrame) -> pd.DataFrame:
    """Sum a log up by epoch.

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

"""The trainer's log as tables: by logged step, and by epoch."""

from typing import Any

import pandas as pd

LOG_COLUMNS = [
    "step",
    "epoch",
    "loss",
    "eval_loss",
    "mean_token_accuracy",
    "eval_mean_token_accuracy",
    "entropy",
    "eval_entropy",
    "num_tokens",
    "seconds",
    "learning_rate",
    "grad_norm",
]


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
        `token_accuracy` (%) and `entropy` (nats) on the validation examples, `tokens` and `seconds`
        so far.
    """
    trained = training_log[training_log["step"] > 0]
    number = (trained["epoch"] - 1e-9).floordiv(1).astype(int) + 1
    losses = _average_losses(trained.assign(number=number).dropna(subset=["loss"]))
    measured = trained[trained["eval_loss"].notna()]
    last = measured.groupby(number).last()
    return pd.DataFrame(
        {
            "epoch": last["epoch"].round(2),
            "step": last["step"],
            "training_loss": losses.reindex(last.index).round(4),
            "validation_loss": last["eval_loss"].round(4),
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

"""Examples that are longer than the recipe allows, and what they cost."""

from typing import Any

import pandas as pd

from tuneline.parameters import Recipe


def describe_overflow(
    token_report: pd.DataFrame, used: pd.DataFrame, recipe: Recipe
) -> dict[str, Any]:
    """Count the examples that are too long, and what is lost of those that are trained on.

    Args:
        token_report: tokens of every example.
        used: the training examples that are used, at the length at which they are.
        recipe: the longest example and the policy.

    Returns:
        `policy`, `max_length`, `allowed_share`; `share` and `ids` of the long training examples;
        by split how many are `left_out` and how many `cut`, and how many are `used`; tokens that
        the training loses, and end tokens lost by cutting. A test example is neither cut nor left
        out: the evaluation reads it whole.
    """
    trained = token_report[token_report["side"] == "train"]
    over = trained[~trained["fits"]]
    left_out, cut, kept = {}, {}, {}
    for side in ("train", "validation"):
        rows = token_report[token_report["side"] == side]
        long = rows[~rows["fits"]]
        whole = recipe.overflow == "truncate"
        cut[side] = int((long["prompt_tokens"] < recipe.max_length).sum()) if whole else 0
        left_out[side] = len(long) - cut[side]
        kept[side] = len(rows) - left_out[side]
    return {
        "policy": recipe.overflow,
        "max_length": recipe.max_length,
        "allowed_share": recipe.overflow_share,
        "share": len(over) / max(1, len(trained)),
        "ids": over["id"].tolist(),
        "left_out": left_out,
        "cut": cut,
        "used": kept,
        "tokens_lost": int(trained["tokens"].sum() - used["tokens"].sum()),
        "end_tokens_lost": cut["train"],
    }


def choose_used(token_report: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """Choose the training examples that are used, at the length at which they are.

    Args:
        token_report: tokens of every example.
        recipe: the longest example and the policy.

    Returns:
        The rows of those examples, `tokens` and `completion_tokens` after cutting.
    """
    trained = token_report[token_report["side"] == "train"]
    if recipe.overflow != "truncate":
        return trained[trained["fits"]]
    used = trained[trained["prompt_tokens"] < recipe.max_length]
    tokens = used["tokens"].clip(upper=recipe.max_length)
    return used.assign(tokens=tokens, completion_tokens=tokens - used["prompt_tokens"])

"""Examples that are longer than the recipe allows, and what they cost."""

from typing import Any

import pandas as pd

from tuneline.parameters import Recipe


def describe_overflow(token_report: pd.DataFrame, recipe: Recipe) -> dict[str, Any]:
    """Count the training examples that do not fit, and what would be lost of them.

    Args:
        token_report: tokens of every example.
        recipe: the longest example and the policy.

    Returns:
        `policy`, `max_length`, `allowed_share`; `share` and `ids` of the long examples; tokens
        that are lost by leaving them out or by cutting them, and end tokens lost by cutting.
    """
    trained = token_report[token_report["side"] == "train"]
    over = trained[~trained["fits"]]
    cut, whole = int((over["tokens"] - recipe.max_length).sum()), int(over["tokens"].sum())
    return {
        "policy": recipe.overflow,
        "max_length": recipe.max_length,
        "allowed_share": recipe.overflow_share,
        "share": len(over) / max(1, len(trained)),
        "ids": over["id"].tolist(),
        "tokens_lost": cut if recipe.overflow == "truncate" else whole,
        "end_tokens_lost": len(over) if recipe.overflow == "truncate" else 0,
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

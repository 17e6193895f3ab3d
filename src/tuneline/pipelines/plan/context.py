"""How many tokens the model reads at once, compared with examples and prompts."""

from typing import Any

import pandas as pd

from tuneline.models.architecture import has_learned_positions, measure_context
from tuneline.parameters import Evaluation


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

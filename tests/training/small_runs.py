"""Runs of a few seconds on the tiny model."""

from pathlib import Path

import pandas as pd

from tuneline.examples import Example
from tuneline.models.adapter import Adapter
from tuneline.models.fingerprints import describe_inputs
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.nodes import train_adapter


def make_examples(count: int) -> list[Example]:
    return [
        {
            "id": str(number),
            "prompt": [{"role": "user", "content": f"Describe: pot {number}"}],
            "completion": [
                {"role": "assistant", "content": f"Pot {number} is made of oak." * (1 + number % 5)}
            ],
            "meta": {"line": number},
        }
        for number in range(count)
    ]


BY_ANSWERS = {
    "metric": "chrf",
    "reason": "it is stated",
    "generation": {"max_new_tokens": 24, "do_sample": False},
}


def make_plan(count: int, recipe: Recipe, hardware: Hardware) -> dict:
    examples, tokenizer = make_examples(count), load_tokenizer(recipe)
    return {
        "inputs": describe_inputs(examples, [], tokenizer, recipe, hardware),
        "memory_gb": {"total": 1.0},
        "verdict": {"label": "fits", "summary": ""},
    }


def shrink(recipe: Recipe, **changes: object) -> Recipe:
    """Make a recipe of 12 steps."""
    lora = {**recipe.lora, "r": 8}
    settings = {"lora": lora, "global_batch_size": 8, "num_train_epochs": 2, **changes}
    return Recipe.model_validate({**recipe.model_dump(), **settings})


def train(
    recipe: Recipe, hardware: Hardware, checkpoints: Path, count: int = 48, **planned: object
) -> tuple[Adapter, pd.DataFrame, dict]:
    plan = {**make_plan(count, recipe, hardware), **planned}
    return train_adapter(
        make_examples(count), make_examples(4), plan, checkpoints, recipe, hardware
    )

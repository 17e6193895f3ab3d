"""What an adapter is made from."""

from importlib.metadata import version
from typing import Any

from tuneline.examples import Example
from tuneline.hashing import hash_value
from tuneline.modelling import identify_base
from tuneline.parameters import Hardware, Recipe
from tuneline.rendering import hash_template

LIBRARIES = ("tuneline", "torch", "transformers", "peft", "trl", "bitsandbytes", "tokenizers")
# Recipe keys that say how a run is watched and kept, and change nothing in the adapter.
WATCHING_KEYS = {
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "logging_steps",
    "logging_strategy",
    "logging_first_step",
    "report_to",
    "run_name",
    "overflow_share",
}


def describe_run(
    train: list[Example], validation: list[Example], tokenizer: Any, recipe: Recipe
) -> dict[str, Any]:
    """Describe what decides the outcome of a run: data, recipe and base, not the machine.

    Args:
        train: examples to learn from.
        validation: examples that watch the training.
        tokenizer: the base model's tokenizer.
        recipe: what is trained and how.

    Returns:
        Plain values by the name under which a user knows them.
    """
    settings = recipe.model_dump(exclude=WATCHING_KEYS | {"base_model", "revision"})
    return {
        "base model": identify_base(recipe),
        "chat template": hash_template(tokenizer)[:16],
        "training examples": hash_value(train)[:16],
        "validation examples": hash_value(validation)[:16],
        **{f"recipe.{key}": value for key, value in sorted(settings.items())},
    }


def record_provenance(
    train: list[Example],
    validation: list[Example],
    tokenizer: Any,
    recipe: Recipe,
    hardware: Hardware,
) -> dict[str, Any]:
    """Record everything that decides what the adapter becomes.

    It holds no time and no path of the machine: the same inputs give the same record.

    Args:
        train: examples to learn from.
        validation: examples that watched the training.
        tokenizer: the base model's tokenizer.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        Hashes (SHA-256), settings and library versions.
    """
    settings = recipe.model_dump()
    return {
        "base": identify_base(recipe),
        "examples": {
            "train": {"count": len(train), "sha256": hash_value(train)},
            "validation": {"count": len(validation), "sha256": hash_value(validation)},
        },
        "recipe": {"sha256": hash_value(settings), "settings": settings},
        "hardware": hardware.model_dump(),
        "chat_template_sha256": hash_template(tokenizer),
        "versions": {name: version(name) for name in LIBRARIES},
    }

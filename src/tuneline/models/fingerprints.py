"""What decides an answer: the model, and the machine that computes it."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from tuneline.errors import Problem
from tuneline.examples import Example
from tuneline.models.adapter import Adapter, hash_adapter
from tuneline.models.loading import identify_base
from tuneline.models.rendering import hash_template
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.utils.hashing import hash_value

# What computes the answers: another machine or version may answer otherwise, or at another speed.
MACHINE = {"name", "device", "dtype", "attn_implementation"}
ANSWERING_LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def describe_generation(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> dict[str, dict[str, Any]]:
    """Describe everything that decides how base and tuned model answer a prompt.

    Args:
        adapter: its weights and its chat template.
        recipe: base model and quantization.
        evaluation: the decoding.
        hardware: the machine; its speed is part of an answer.

    Returns:
        Plain values for `base` and for `tuned`. The base model's answers do not depend on the
        adapter, so that those to a prompt are made once for all adapters.
    """
    shared = {
        "base": identify_base(recipe),
        "quantization": recipe.quantization,
        "chat_template": hash_template(adapter.tokenizer),
        "generation": evaluation.generation,
        "hardware": hardware.model_dump(include=MACHINE),
        "versions": {name: version(name) for name in ANSWERING_LIBRARIES},
    }
    return {
        "base": {**shared, "adapter": None},
        "tuned": {**shared, "adapter": hash_adapter(adapter)},
    }


# A plan says nothing that the others of a recipe's keys (learning rate, seed …) would change.
RECIPE_KEYS = {
    "base_model",
    "revision",
    "quantization",
    "lora",
    "global_batch_size",
    "max_length",
    "overlong",
    "max_overlong_fraction",
    "packing",
    "chat_template_path",
    "max_steps",
    "num_train_epochs",
    "optim",
    "warmup_steps",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "eval_strategy",
    "eval_steps",
}


def describe_inputs(train: list[Example], recipe: Recipe, hardware: Hardware) -> dict[str, Any]:
    """Describe what a plan is made of.

    Args:
        train: examples to learn from.
        recipe: what is trained and how.
        hardware: the machine.

    Returns:
        Plain values by dotted name.
    """
    settings = {
        f"recipe.{key}": value for key, value in recipe.model_dump(include=RECIPE_KEYS).items()
    }
    machine = {f"hardware.{key}": value for key, value in hardware.model_dump().items()}
    return {"training examples": hash_value(train)[:16], **settings, **machine}


# Keys of BitsAndBytesConfig that decide what becomes of the weights, and what they are if unstated.
WEIGHTS = {
    "load_in_4bit": False,
    "bnb_4bit_quant_type": "fp4",
    "bnb_4bit_use_double_quant": False,
    "llm_int8_skip_modules": None,
}


def find_incompatibilities(adapter: Adapter, recipe: Recipe) -> Iterator[Problem]:
    """Find what an adapter would be used with and was not trained with.

    Args:
        adapter: the adapter.
        recipe: names the base model.

    Yields:
        That it was trained on another base model, on other 4-bit weights of it, or with another
        chat template.
    """
    trained_on, here = adapter.provenance["base"], identify_base(recipe)
    if not _are_same(trained_on, here):
        yield Problem(
            where="recipe.base_model",
            value=_name_base(here),
            wrong=f"the adapter was trained on {_name_base(trained_on)}",
            matters="on another base model it means nothing",
            remedy="train again, or use the --env and the recipe it was trained with",
        )
    quantization = adapter.provenance["recipe"]["settings"]["quantization"]
    if _list_weight_keys(quantization) != _list_weight_keys(recipe.quantization):
        yield Problem(
            where="recipe.quantization",
            value=recipe.quantization,
            wrong=f"the adapter was trained with {quantization}",
            matters="it belongs to the weights it was trained on; on others it answers otherwise",
            remedy="train again, or state the quantization it was trained with",
        )
    if hash_template(adapter.tokenizer) != adapter.provenance["chat_template_sha256"]:
        yield Problem(
            where="adapter/chat_template.jinja",
            wrong="it is not the template the adapter was trained with",
            matters="the model would be asked in a form it has not learned",
            remedy="bring the original file back, or train again",
        )


def _list_weight_keys(quantization: dict[str, Any] | None) -> dict[str, Any]:
    return {key: (quantization or {}).get(key, default) for key, default in WEIGHTS.items()}


def _are_same(one: dict[str, str], other: dict[str, str]) -> bool:
    """Tell whether two bases are the same; a folder may have moved, its weights identify it."""
    if "sha256" in one and "sha256" in other:
        return one["sha256"] == other["sha256"]
    return one == other


def _name_base(base: dict[str, str]) -> str:
    detail = f"weights {base['sha256'][:12]}" if "sha256" in base else f"commit {base['commit']}"
    return f"{base['name']} ({detail})"


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
    "max_overlong_fraction",
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

"""What decides an answer: the model, and the machine that computes it."""

from importlib.metadata import version
from typing import Any

from tuneline.adapters import Adapter, hash_adapter
from tuneline.modelling import identify_base
from tuneline.parameters import Evaluation, Hardware, Recipe
from tuneline.rendering import hash_template

# What computes the answers: another machine or version may answer otherwise, or at another speed.
MACHINE = {"name", "device", "dtype", "attn_implementation"}
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes")


def describe_makers(
    adapter: Adapter, recipe: Recipe, evaluation: Evaluation, hardware: Hardware
) -> dict[str, dict[str, Any]]:
    """Describe everything that decides how base and tuned model answer a prompt.

    Args:
        adapter: its weights and its chat template.
        recipe: base model and quantisation.
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
        "versions": {name: version(name) for name in LIBRARIES},
    }
    return {
        "base": {**shared, "adapter": None},
        "tuned": {**shared, "adapter": hash_adapter(adapter)},
    }

"""Whether an adapter belongs to the base model and the chat template it is to be used with."""

from collections.abc import Iterator
from typing import Any

from tuneline.adapters import Adapter
from tuneline.errors import Problem
from tuneline.modelling import identify_base
from tuneline.parameters import Recipe
from tuneline.rendering import hash_template

# Keys of BitsAndBytesConfig that decide what becomes of the weights, and what they are if unstated.
WEIGHTS = {
    "load_in_4bit": False,
    "bnb_4bit_quant_type": "fp4",
    "bnb_4bit_use_double_quant": False,
    "llm_int8_skip_modules": None,
}


def find_mismatches(adapter: Adapter, recipe: Recipe) -> Iterator[Problem]:
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
            matters="the model would be asked in a form it has not learnt",
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

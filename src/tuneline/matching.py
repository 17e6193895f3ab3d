"""Whether an adapter belongs to the base model and the chat template it is to be used with."""

from collections.abc import Iterator

from tuneline.adapters import Adapter
from tuneline.errors import Problem
from tuneline.modelling import identify_base
from tuneline.parameters import Recipe
from tuneline.rendering import hash_template


def find_mismatches(adapter: Adapter, recipe: Recipe) -> Iterator[Problem]:
    """Find what an adapter would be used with and was not trained with.

    Args:
        adapter: the adapter.
        recipe: names the base model.

    Yields:
        That it was trained on another base model, or with another chat template.
    """
    trained_on, here = adapter.provenance["base"], identify_base(recipe)
    if trained_on != here:
        yield Problem(
            where="recipe.base_model",
            value=here,
            wrong=f"the adapter was trained on {trained_on}",
            matters="on another base model it means nothing",
            remedy="train again, or use the --env and the recipe it was trained with",
        )
    if hash_template(adapter.tokenizer) != adapter.provenance["chat_template_sha256"]:
        yield Problem(
            where="adapter/chat_template.jinja",
            wrong="it is not the template the adapter was trained with",
            matters="the model would be asked in a form it has not learnt",
            remedy="bring the original file back, or train again",
        )

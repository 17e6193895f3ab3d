"""Examples as the trainer takes them."""

from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Recipe
from tuneline.rendering import Rendered, render_all


def render_examples(tokenizer: Any, examples: list[Example], recipe: Recipe) -> Any:
    """Render examples, and leave out or cut those the plan has counted as too long.

    Args:
        tokenizer: the base model's tokenizer.
        examples: the examples.
        recipe: states the longest and what to do with longer ones.

    Returns:
        A `datasets.Dataset` with `input_ids` and `labels` (-100 for the prompt).

    Raises:
        TunelineError: if nothing is left to train on, or the chat template does not render the
            examples as they are.
    """
    from datasets import Dataset

    rendered = render_all(tokenizer, examples)
    whole = [one for one in rendered if len(one.ids) <= recipe.max_length]
    used = cut_examples(rendered, recipe) if recipe.overflow == "truncate" else whole
    _check_any(used, recipe)
    return Dataset.from_dict(
        {"input_ids": [one.ids for one in used], "labels": [one.labels for one in used]}
    )


def cut_examples(rendered: list[Rendered], recipe: Recipe) -> list[Rendered]:
    """Cut completions at the longest length; leave out examples whose prompt alone is as long."""
    return [
        replace(one, ids=one.ids[: recipe.max_length])
        for one in rendered
        if one.prompt_length < recipe.max_length
    ]


def _check_any(rendered: list[Rendered], recipe: Recipe) -> None:
    if not rendered:
        raise TunelineError(
            Problem(
                where="recipe.max_length",
                value=recipe.max_length,
                wrong="no example is that short",
                matters="there is nothing to train on",
                remedy="raise it, or shorten the texts",
            )
        )

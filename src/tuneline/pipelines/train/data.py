"""Examples as the trainer takes them."""

from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Recipe
from tuneline.rendering import Rendered, find_end_tokens, render_example


def render_examples(tokenizer: Any, examples: list[Example], recipe: Recipe) -> Any:
    """Render examples and leave out those the plan has counted as too long.

    Args:
        tokenizer: the base model's tokenizer.
        examples: the examples.
        recipe: states the longest.

    Returns:
        A `datasets.Dataset` with `input_ids` and `labels` (-100 for the prompt).

    Raises:
        TunelineError: if no example fits, or an end token would not be trained.
    """
    from datasets import Dataset

    rendered = [render_example(tokenizer, example) for example in examples]
    fitting = [one for one in rendered if len(one.ids) <= recipe.max_length]
    _check_ends(fitting, tokenizer, recipe)
    return Dataset.from_dict(
        {"input_ids": [one.ids for one in fitting], "labels": [one.labels for one in fitting]}
    )


def _check_ends(rendered: list[Rendered], tokenizer: Any, recipe: Recipe) -> None:
    ends = set(find_end_tokens(tokenizer))
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
    if not all(ends & set(one.labels) for one in rendered):
        raise TunelineError(
            Problem(
                where="recipe.base_model",
                value=recipe.base_model,
                wrong="its chat template puts no end token behind an answer",
                matters="a model that never sees one never stops",
                remedy="take a base model whose template ends the assistant's turn",
            )
        )

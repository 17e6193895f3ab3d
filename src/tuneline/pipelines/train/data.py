"""Examples as the trainer takes them."""

from dataclasses import replace
from typing import Any

from tuneline.errors import Problem, TunelineError
from tuneline.examples import Example
from tuneline.parameters import Recipe
from tuneline.rendering import Rendered, find_end_tokens, render_example


def render_examples(tokenizer: Any, examples: list[Example], recipe: Recipe) -> Any:
    """Render examples, and leave out or cut those the plan has counted as too long.

    Args:
        tokenizer: the base model's tokenizer.
        examples: the examples.
        recipe: states the longest and what to do with longer ones.

    Returns:
        A `datasets.Dataset` with `input_ids` and `labels` (-100 for the prompt).

    Raises:
        TunelineError: if nothing is left to train on, an end token would not be trained, or texts
            begin twice.
    """
    from datasets import Dataset

    rendered = [render_example(tokenizer, example) for example in examples]
    whole = [one for one in rendered if len(one.ids) <= recipe.max_length]
    _check_tokens(whole, tokenizer, recipe)
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


def _check_tokens(rendered: list[Rendered], tokenizer: Any, recipe: Recipe) -> None:
    ends, start = set(find_end_tokens(tokenizer)), tokenizer.bos_token_id
    problems = []
    if not all(ends & set(one.labels) for one in rendered):
        problems.append(
            (
                "its chat template puts no end token behind an answer",
                "a model that never sees one never stops",
                "take a base model whose template ends the assistant's turn, or give one with "
                "recipe.chat_template_path",
            )
        )
    if start is not None and any(one.ids[:2] == [start, start] for one in rendered):
        problems.append(
            (
                "its chat template begins a text twice (two BOS tokens)",
                "the model has never seen that, and answers worse",
                "give a template that begins it once: recipe.chat_template_path",
            )
        )
    if problems:
        raise TunelineError(
            *(Problem("recipe.base_model", w, m, r, recipe.base_model) for w, m, r in problems)
        )

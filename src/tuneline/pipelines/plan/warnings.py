"""What a run that fits is to be known for before it starts."""

from collections.abc import Iterator
from typing import Any

from tuneline.pages import count
from tuneline.parameters import Recipe

# A sentence names so many of the ids; plan.json has them all.
NAMED = 5
SHOWN = {"train": "training example", "validation": "validation example", "test": "test example"}
LOSSES = {"train": "training", "validation": "validation loss"}


def list_warnings(plan: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    """List what the plan has found that does not stop the run.

    Args:
        plan: everything but its verdict.
        recipe: what is trained and how.

    Yields:
        Sentences.
    """
    yield from _warn_of_lengths(plan["overflow"])
    yield from _warn_of_context(plan["context"], recipe)
    yield from _warn_of_steps(plan, recipe)


def _warn_of_lengths(overflow: dict[str, Any]) -> Iterator[str]:
    limit = f"recipe.max_length = {overflow['max_length']}"
    for side, what in LOSSES.items():
        lost, cut = overflow["left_out"][side], overflow["cut"][side]
        of = f"of {count(overflow['used'][side] + lost, SHOWN[side])}"
        long = (
            "without room for an answer in" if overflow["policy"] == "truncate" else "longer than"
        )
        if lost:
            yield f"{lost:,} {of} {_be(lost)} {long} {limit}: left out of the {what}."
        if cut:
            yield f"{cut:,} {of} {_be(cut)} longer than {limit}: cut there, without an end token."


def _warn_of_context(context: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    if context["tokens"] is None:
        return
    reads = f"the {context['tokens']:,} tokens that the base model reads"
    for side, ids in context["longer"].items():
        if ids:
            yield (
                f"{count(len(ids), SHOWN[side])} {_be(len(ids))} longer than {reads}, and it is "
                f"weak beyond them: {_name(ids)}."
            )
    if recipe.max_length > context["tokens"]:
        yield f"recipe.max_length = {recipe.max_length} is more than {reads}."
    if context["answers"]:
        yield (
            f"{count(len(context['answers']), 'test prompt')} with an answer of "
            f"{context['max_new_tokens']:,} tokens (evaluation.generation.max_new_tokens) would be "
            f"longer than {reads}: {_name(context['answers'])}."
        )


def _warn_of_steps(plan: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    total, used = plan["steps"]["total"], plan["overflow"]["used"]["train"]
    rate = plan["learning_rate"]
    if rate["peak"] and rate["peak"] < 1 and rate["warmup_steps"] >= total:
        yield (
            f"The warm-up of {rate['warmup_steps']:,} steps (recipe.warmup_steps) is longer than "
            f"the run: the learning rate reaches {rate['peak']:.0%} of recipe.learning_rate."
        )
    if used < recipe.global_batch_size:
        yield (
            f"recipe.global_batch_size = {recipe.global_batch_size} is more than there are "
            f"training examples ({used:,}): every step sees all of them."
        )
    stated = recipe.model_extra or {}
    every = stated.get("eval_steps") or 0
    if stated.get("eval_strategy") == "steps" and every > total:
        yield (
            f"recipe.eval_steps = {every:g} is more than the run has steps ({total:,}): the "
            "validation loss is measured at the end of each epoch alone."
        )
    if (stated.get("logging_steps") or 0) > total:
        yield (
            f"recipe.logging_steps = {stated['logging_steps']:g} is more than the run has "
            f"steps ({total:,}): the training loss is logged at the end of each epoch alone."
        )


def _be(number: int) -> str:
    return "is" if number == 1 else "are"


def _name(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return ", ".join(str(one) for one in ids[:NAMED]) + more

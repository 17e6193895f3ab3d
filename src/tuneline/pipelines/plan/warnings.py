"""What a run that fits is to be known for before it starts."""

from collections.abc import Iterator
from typing import Any

from tuneline.parameters import Recipe

# A sentence names so many of the ids; plan.json has them all.
NAMED = 5
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
    for side, what in LOSSES.items():
        lost, cut = overflow["left_out"][side], overflow["cut"][side]
        used = overflow["used"][side]
        shown = f"{'training' if side == 'train' else side} examples"
        if lost:
            why = (
                "leave no room for an answer in"
                if overflow["policy"] == "truncate"
                else "are longer than"
            )
            yield (
                f"{lost:,} of {used + lost:,} {shown} {why} recipe.max_length = "
                f"{overflow['max_length']}: they are left out of the {what}."
            )
        if cut:
            yield (
                f"{cut:,} of {used + lost:,} {shown} are longer than recipe.max_length = "
                f"{overflow['max_length']}: they are cut there, without an end token."
            )


def _warn_of_context(context: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    if context["tokens"] is None:
        return
    reads = f"the {context['tokens']:,} tokens that the base model reads"
    for side, ids in context["longer"].items():
        if ids:
            yield (
                f"{len(ids):,} {'training' if side == 'train' else side} examples are longer than "
                f"{reads}, and it is weak beyond them: {_name(ids)}."
            )
    if recipe.max_length > context["tokens"]:
        yield f"recipe.max_length = {recipe.max_length} is more than {reads}."
    if context["answers"]:
        yield (
            f"The prompts of {len(context['answers']):,} test examples with an answer of "
            f"{context['max_new_tokens']:,} tokens (evaluation.generation.max_new_tokens) are "
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
            f"recipe.global_batch_size = {recipe.global_batch_size} is more than the {used:,} "
            "training examples: every step sees all of them."
        )
    stated = recipe.model_extra or {}
    every = stated.get("eval_steps") or 0
    if stated.get("eval_strategy") == "steps" and every > total:
        yield (
            f"recipe.eval_steps = {every:g} is more than the {total:,} steps of the run: the "
            "validation loss is measured at the end of each epoch alone."
        )
    if (stated.get("logging_steps") or 0) > total:
        yield (
            f"recipe.logging_steps = {stated['logging_steps']:g} is more than the {total:,} steps "
            "of the run: the training loss is logged at the end of each epoch alone."
        )


def _name(ids: list[str]) -> str:
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return ", ".join(str(one) for one in ids[:NAMED]) + more

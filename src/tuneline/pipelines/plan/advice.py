"""What to change, in which order, when a run does not fit, and what each change saves.

First what leaves the result as it is, then what changes it least.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tuneline.models.memory import keeps_dequantized
from tuneline.models.start_adapter import describe_unknown
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.chosen import FOUR_BITS
from tuneline.pipelines.plan.memory_estimate import ModelSize, predict_memory
from tuneline.reporting.pages import count

# A sentence names so many of the ids; plan.json has them all.
NAMED = 5
SHOWN = {"train": "training example", "validation": "validation example", "test": "test example"}
LOSSES = {"train": "training", "validation": "validation loss"}


@dataclass(frozen=True)
class PlannedRun:
    """Everything that a run's memory follows from; `longest` is in tokens."""

    size: ModelSize
    longest: int
    recipe: Recipe
    hardware: Hardware

    def total_gb(self) -> float:
        """Predict the peak."""
        return predict_memory(self.size, self.longest, self.recipe, self.hardware)["total"]


def list_savings(run: PlannedRun) -> list[dict[str, Any]]:
    """Work out the changes, each on top of those before it.

    Each has the `change` as one would write it into the YAML, its `effect` on the result,
    `saves_gb`, and the predicted `total_gb` with all changes so far.
    """
    savings, total = [], run.total_gb()
    for change, effect, changed in _changes(run):
        after = changed.total_gb()
        savings.append(
            {
                "change": change,
                "effect": effect,
                "saves_gb": round(total - after, 4),
                "total_gb": round(after, 4),
            }
        )
        total = after
    return savings


def _changes(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    for step in (_shrink_batch, _checkpoint, _quantize, _quantize_optimizer, _halve_rank):
        for change, effect, changed in step(run):
            run = changed
            yield change, effect, changed


def _shrink_batch(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    hardware = run.hardware
    key, least = (
        ("tokens_per_batch", run.longest)
        if run.recipe.packing
        else ("per_device_train_batch_size", 1)
    )
    value = getattr(hardware, key)
    if value > least:
        changed = hardware.model_copy(update={key: least})
        yield (f"hardware.{key}: {least}", "none; slower", replace(run, hardware=changed))


def _checkpoint(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    if not run.hardware.gradient_checkpointing:
        changed = run.hardware.model_copy(update={"gradient_checkpointing": True})
        yield (
            "hardware.gradient_checkpointing: true",
            "none; a third slower",
            replace(run, hardware=changed),
        )


def _quantize(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    quantization, size = run.recipe.quantization, run.size
    if keeps_dequantized(size.quantized + size.unquantized, run.hardware):
        return
    if quantization is None:
        yield (
            "recipe.quantization: {load_in_4bit: true, bnb_4bit_quant_type: nf4}",
            "weights rounded to 4 bits; slower",
            replace(run, recipe=run.recipe.model_copy(update={"quantization": FOUR_BITS})),
        )
    elif not quantization.get("bnb_4bit_use_double_quant"):
        update = {"quantization": {**quantization, "bnb_4bit_use_double_quant": True}}
        yield (
            "recipe.quantization.bnb_4bit_use_double_quant: true",
            "hardly any",
            replace(run, recipe=run.recipe.model_copy(update=update)),
        )


def _quantize_optimizer(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    optimizer = str((run.recipe.model_extra or {}).get("optim", ""))
    is_whole = not run.hardware.is_sharded  # others do not know weights that are divided
    if run.hardware.device == "cuda" and is_whole and "8bit" not in optimizer:
        recipe = Recipe.model_validate({**run.recipe.model_dump(), "optim": "adamw_8bit"})
        yield "recipe.optim: adamw_8bit", "hardly any", replace(run, recipe=recipe)


def _halve_rank(run: PlannedRun) -> Iterator[tuple[str, str, PlannedRun]]:
    rank = run.recipe.lora.get("r", 8)
    if rank >= 16:
        lora = {**run.recipe.lora, "r": rank // 2}
        yield (
            f"recipe.lora.r: {rank // 2}",
            "an adapter that can learn less",
            replace(
                run,
                recipe=run.recipe.model_copy(update={"lora": lora}),
                size=replace(run.size, trainable=run.size.trainable // 2),
            ),
        )


def list_warnings(plan: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    """List what the plan has found that does not stop the run."""
    if unknown := describe_unknown(plan["inputs"].get("start", {})):
        yield unknown
    yield from _warn_of_lengths(plan["overlong"])
    yield from _warn_of_context(plan["context"], recipe)
    yield from _warn_of_steps(plan, recipe)


def _warn_of_lengths(overlong: dict[str, Any]) -> Iterator[str]:
    limit = f"recipe.max_length = {overlong['max_length']}"
    for split, what in LOSSES.items():
        lost, cut = overlong["left_out"][split], overlong["cut"][split]
        of = f"of {count(overlong['used'][split] + lost, SHOWN[split])}"
        long = (
            "without room for an answer in" if overlong["policy"] == "truncate" else "longer than"
        )
        if lost:
            yield f"{lost:,} {of} {_be(lost)} {long} {limit}: left out of the {what}."
        if cut:
            yield f"{cut:,} {of} {_be(cut)} longer than {limit}: cut there, without an end token."


def _warn_of_context(context: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    if context["tokens"] is None:
        return
    reads = f"the {context['tokens']:,} tokens that the base model reads"
    for split, ids in context["longer"].items():
        if ids:
            yield (
                f"{count(len(ids), SHOWN[split])} {_be(len(ids))} longer than {reads}, and it is "
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
    total, used = plan["steps"]["total"], plan["overlong"]["used"]["train"]
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

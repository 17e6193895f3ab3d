"""A base model in 4 bits or not quantized: what each takes, and the faster of those that fit."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from tuneline.models.memory import keeps_dequantized
from tuneline.models.run_differences import RunInputs
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.chosen import FOUR_BITS
from tuneline.pipelines.plan.earlier_runs import Record, find_last_training
from tuneline.pipelines.plan.memory_estimate import ModelSize, predict_memory
from tuneline.reporting.pages import format_number

# Dequantizing the weights for a pass takes as long as so many tokens of it. GPU: the 18 times of
# LoRA and Q-LoRA on one A100 with 1.8, 7 and 14 billion parameters and 256 to 8,192 tokens a pass
# (github.com/QwenLM/Qwen, README, "Profiling of Memory and Speed"), which give 1.2 to 1.9 times the
# time at 1,024 and 2,048 tokens, and hardly more at 8,192. CPU: docs/benchmarks.md.
DEQUANTIZING_TOKENS = {"cuda": 500, "cpu": 40}
PREDICTED = {"cuda": "predicted from published runs on an A100", "cpu": "predicted"}
# Times closer than this share are the same.
SAME_TIME = 0.005
IN_4_BITS, NOT_QUANTIZED = "in_4_bits", "not_quantized"
FITS, DOUBT, TOO_LARGE, STORED = "fits", "cannot tell", "does not fit", "stored in 4 bits"


@dataclass(frozen=True)
class Option:
    """One way to hold the base model's weights.

    Attributes:
        quantization: as `recipe.quantization` states it.
        memory_gb: the predicted peak of the training, in 10^9 bytes.
        worst_case_gb: with the most fragmentation that was seen.
        fits: whether the machine has that memory: fits, cannot tell, does not fit; or that there
            are no such weights, as the base model is stored in 4 bits.
        relative_time: of the training, in units of its time with weights that are not quantized.
        basis: what the time rests on.
        seconds: of the training; None if it is not known.
    """

    quantization: dict[str, Any] | None
    memory_gb: float
    worst_case_gb: float
    fits: str
    relative_time: float
    basis: str
    seconds: float | None = None


def compare_quantization(
    size: ModelSize,
    longest: int,
    tokens: float,
    recipe: Recipe,
    hardware: Hardware,
    is_stored_so: bool = False,
) -> tuple[Option, Option]:
    """Predict memory and time of a training on 4 bits and on weights that are not quantized.

    `tokens` are those of a pass, on average: see `measure_pass`. A base model that is stored in 4
    bits (`is_stored_so`) is always in them.
    """
    stated = recipe.quantization
    four = stated if isinstance(stated, dict) else FOUR_BITS
    slower = measure_slowdown(size.quantized + size.unquantized, tokens, hardware)
    whole = _predict(None, 1.0, size, longest, recipe, hardware)
    return (
        _predict(four, slower, size, longest, recipe, hardware),
        replace(whole, fits=STORED) if is_stored_so else whole,
    )


def _predict(
    quantization: dict[str, Any] | None,
    relative_time: float,
    size: ModelSize,
    longest: int,
    recipe: Recipe,
    hardware: Hardware,
) -> Option:
    changed = recipe.model_copy(update={"quantization": quantization})
    memory = predict_memory(size, longest, changed, hardware)
    fits = (
        TOO_LARGE
        if memory["total"] > memory["device"]
        else DOUBT
        if memory["worst_case"] > memory["device"]
        else FITS
    )
    basis = PREDICTED[hardware.device]
    return Option(quantization, memory["total"], memory["worst_case"], fits, relative_time, basis)


def measure_slowdown(parameters: int, tokens: float, hardware: Hardware) -> float:
    """Predict the time of a training in 4 bits, in units of one that is not quantized.

    It is 1 on a CPU that dequantizes the weights once; elsewhere 1 + c / tokens, since the weights
    are dequantized at every pass however many tokens it has (`DEQUANTIZING_TOKENS`).
    """
    if keeps_dequantized(parameters, hardware):
        return 1.0
    return 1 + DEQUANTIZING_TOKENS[hardware.device] / max(tokens, 1)


def measure_pass(example: float, recipe: Recipe, hardware: Hardware) -> float:
    """Work out how many tokens go through the model at once, on average; `example` has so many."""
    step = example * recipe.global_batch_size / hardware.world_size
    if recipe.packing:
        return max(example, min(step, hardware.tokens_per_batch))
    return min(step, example * hardware.per_device_train_batch_size)


def average_example(plan: dict[str, Any]) -> float:
    """Give the tokens of a training example, on average."""
    return float(plan["tokens"]["per_epoch"] / max(1, plan["overlong"]["used"]["train"]))


def choose_quantization(
    size: ModelSize,
    longest: int,
    tokens: float,
    recipe: Recipe,
    hardware: Hardware,
    is_stored_so: bool = False,
) -> tuple[dict[str, Any] | None, str]:
    """Choose what `recipe.quantization` should be: the faster of the two that fit.

    Gives keys of BitsAndBytesConfig, or None for no quantization; and the reason in a sentence.
    """
    four, whole = compare_quantization(size, longest, tokens, recipe, hardware, is_stored_so)
    return choose(four, whole).quantization, format_choice(four, whole, hardware)


def choose(four: Option, whole: Option) -> Option:
    """Choose the faster of those that fit with any fragmentation; 4 bits if neither does.

    Where both take the same time, weights that are not rounded.
    """
    return whole if whole.fits == FITS and _measure_gain(four, whole) > -SAME_TIME else four


def format_choice(four: Option, whole: Option, hardware: Hardware) -> str:
    """Say in one sentence which of the two is right on a machine, and by which numbers."""
    if whole.fits == STORED:
        return "The base model is stored in 4 bits: there are no others to train on."
    memory = f"{_gb(whole.memory_gb)} of {_gb(hardware.memory_gb)} GB"
    in_four = f"in 4 bits {_gb(four.memory_gb)} GB"
    if whole.fits == TOO_LARGE:
        return f"Not quantized, the training would need {memory}; {in_four}."
    if whole.fits == DOUBT:
        most = f"up to {_gb(whole.worst_case_gb)} GB with much fragmentation"
        return f"Not quantized, the training needs {memory}, and {most}; {in_four}."
    gain = _measure_gain(four, whole)
    if abs(gain) <= SAME_TIME:
        return (
            f"Not quantized, the training needs {memory} and as much time as in 4 bits, and no "
            "weight is rounded."
        )
    basis = four.basis if four.basis in PREDICTED.values() else whole.basis
    measured = basis if basis in PREDICTED.values() else "measured"
    return (
        f"Not quantized, the training needs {memory} and is {abs(gain):.0%} "
        f"{'faster' if gain > 0 else 'slower'} than in 4 bits ({measured}); {in_four}."
    )


def _measure_gain(four: Option, whole: Option) -> float:
    """Measure how much faster the training is if it is not quantized, as a share."""
    if four.seconds and whole.seconds:
        return four.seconds / whole.seconds - 1
    return four.relative_time / whole.relative_time - 1


def _gb(value: float) -> str:
    return format_number(value, 1)


def describe_quantization(
    plan: dict[str, Any],
    size: ModelSize,
    longest: int,
    records: list[Record],
    recipe: Recipe,
    hardware: Hardware,
    is_stored_so: bool = False,
) -> dict[str, Any]:
    """Describe what both ways to hold the base model's weights take, and which one is right.

    `records` are of earlier trainings, the last one first: one of the other way gives its time.

    Returns:
        `in_4_bits` and `not_quantized`, as `Option` has them; which of them is `stated` and which
        is `chosen`, by these names; the `summary`.
    """
    tokens = measure_pass(average_example(plan), recipe, hardware)
    four, whole = compare_quantization(size, longest, tokens, recipe, hardware, is_stored_so)
    training, is_whole = plan["time"]["training"], recipe.quantization is None
    stated, other = (whole, four) if is_whole else (four, whole)
    stated = replace(stated, seconds=training["seconds"], basis=training["basis"])
    if record := _find_record(records, plan["inputs"], other, hardware):
        seconds = plan["tokens"]["in_all"] / record["tokens_per_second"]
        other = replace(other, seconds=seconds, basis=f"as the last one on {record['device']}")
    elif stated.seconds is not None:
        share = other.relative_time / stated.relative_time
        other = replace(other, seconds=stated.seconds * share)
    four, whole = (other, stated) if is_whole else (stated, other)
    options = {IN_4_BITS: four, NOT_QUANTIZED: whole}
    return {
        **{name: asdict(option) for name, option in options.items()},
        "stated": NOT_QUANTIZED if is_whole else IN_4_BITS,
        "chosen": NOT_QUANTIZED if choose(four, whole) is whole else IN_4_BITS,
        "summary": format_choice(four, whole, hardware),
    }


def _find_record(
    records: list[Record], inputs: RunInputs, other: Option, hardware: Hardware
) -> Record | None:
    settings = inputs["recipe"]["settings"] | {"quantization": other.quantization}
    changed: RunInputs = {**inputs, "recipe": {"settings": settings}}
    return find_last_training(records, changed, hardware)

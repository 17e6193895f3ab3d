"""What `auto` stands for: a rule for each key of the recipe, with its source and its reason.

Sources, by the names that the plan gives:

* LoRA Without Regret: Schulman et al., Thinking Machines 2025. LoRA's best learning rate is ten
  times that of a full training, fifteen times in short runs, and does not depend on the rank while
  alpha is 32 and the adapter is scaled by alpha / r; large batches cost more than they do a full
  training; the rank matters once the adapter has fewer parameters than it has to hold.
* Tinker's documentation, Thinking Machines 2025, "Supervised learning hyperparameters": a full
  training's rate is 5e-5 at a width of 2,000 and changes with it by a power; at least 100 steps.
* QLoRA: Dettmers et al. 2023, arXiv 2305.14314. Batches of 16; 4-bit NormalFloat.
* Qwen: README, "Profiling of Memory and Speed". LoRA on a 16-bit base is faster than Q-LoRA.
* LoRA Learns Less: Biderman et al. 2024, arXiv 2405.09673. All linear layers, rank 16.
* Data-constrained scaling: Muennighoff et al. 2023, arXiv 2305.16264. Rows read up to four times
  teach almost as much as new ones.
* Matrix multiplication guide: NVIDIA. Dimensions that are multiples of 64.
"""

import math
from collections.abc import Iterator
from typing import Any

from tuneline.parameters import Hardware, StatedRecipe
from tuneline.parameters.base import AUTO
from tuneline.parameters.chosen import CHECKPOINTING, PLACEHOLDERS
from tuneline.pipelines.plan.choices import Choice, Situation
from tuneline.pipelines.plan.quantization import choose_quantization, measure_pass

REGRET, TINKER = "LoRA Without Regret (2025)", "Tinker's documentation (2025)"
QLORA, LESS = "QLoRA (2023)", "LoRA Learns Less and Forgets Less (2024)"
QWEN = "Qwen's README, LoRA and Q-LoRA on one A100 (2023)"
REPEATED, MULTIPLES = "Data-constrained scaling (2023)", "NVIDIA's matrix multiplication guide"

# Lengths are rounded up; a longest example of more than twice the others' length is left out.
MULTIPLE, OUTLIER = 64, 2
# A batch, from few rows to many, and steps that an epoch should have at least.
SMALLEST_BATCH, LARGEST_BATCH, STEPS_PER_EPOCH = 4, 16, 60
# Epochs by the number of rows, and steps below which hardly anything is learned.
EPOCHS = ((5_000, 4), (25_000, 2))
LEAST_STEPS, MOST_EPOCHS = 100, 25
RANK, MOST_RANK, ALPHA = 16, 256, 32
# Rate of a full training at this width, and the power by which it changes with the width.
FULL_RATE, WIDTH = 5e-5, 2_000
POWERS = {"llama": 0.781, "qwen": 0.0775}
# LoRA's rate as a multiple of it: in runs of up to 100 steps, and from 1,000 on.
SHORT, LONG, LONG_STEPS = 15, 10, 1_000
SMALLEST_RATE, LARGEST_RATE = 1e-4, 5e-3


def choose_values(stated: StatedRecipe, found: Situation, hardware: Hardware) -> list[Choice]:
    """Choose a value for every key that can be left to the plan, whether it is or not.

    What is stated counts in the rules for the others: the epochs follow from the batch that is
    trained with, for one. The choices are in the order in which they follow from each other.
    """
    left = {*stated.list_auto()}

    def take(choice: Choice) -> Any:
        return choice.value if choice.key in left else getattr(stated, choice.key)

    length = _choose_length(stated, found)
    max_length = take(length)
    used = found.tokens[found.tokens["tokens"] <= max_length]
    rows = max(1, len(used))
    batch = _choose_batch(rows, found.at_once)
    per_epoch = math.ceil(rows / take(batch))
    epochs = _choose_epochs(rows, per_epoch)
    limit = (stated.model_extra or {}).get("max_steps", -1)
    steps = limit if limit > 0 else math.ceil(per_epoch * take(epochs))
    longest = min(int(max_length), int(used["tokens"].max()) if len(used) else int(max_length))
    return [
        length,
        batch,
        epochs,
        *_choose_lora(int(used["completion_tokens"].sum()), found),
        choose_bits(found, longest, take(length), take(batch), stated, hardware),
        _choose_rate(steps, found),
    ]


def choose_bits(
    found: Situation,
    longest: int,
    max_length: int,
    batch: int,
    stated: StatedRecipe,
    hardware: Hardware,
) -> Choice:
    """Choose between a base model in 4 bits and one that is not quantized: the faster that fits.

    An adapter that the training starts from stays on weights stored as its were. Where
    checkpointing is left to the plan, it is taken only if that makes the faster one fit.
    """
    if "quantization" in found.start:
        why = "The adapter that the training starts from was trained on weights stored so."
        return Choice("quantization", found.start["quantization"], why, "recipe.start_from")
    chosen = {**PLACEHOLDERS, "max_length": max_length, "global_batch_size": batch}
    recipe = stated.settle(chosen)
    tokens = measure_pass(float(found.tokens["tokens"].mean()), recipe, hardware)
    stated_so = hardware.gradient_checkpointing
    for checkpointing in (False, True) if stated_so == AUTO else (stated_so,):
        machine = hardware.model_copy(update={CHECKPOINTING: checkpointing})
        value, reason = choose_quantization(
            found.size, longest, tokens, recipe, machine, found.is_in_4_bits
        )
        if value is None:
            break
    return Choice("quantization", value, reason, QLORA if value else QWEN)


def _choose_length(stated: StatedRecipe, found: Situation) -> Choice:
    lengths = found.tokens["tokens"]
    longest = max(int(lengths.max()) if len(lengths) else 1, found.longest_watching)
    allowed = 0.0 if stated.overlong == "truncate" else stated.max_overlong_fraction
    usual = int(lengths.quantile(1 - allowed, interpolation="higher")) if len(lengths) else 1
    needed = usual if longest > OUTLIER * usual else longest
    value = MULTIPLE * math.ceil(needed / MULTIPLE)
    reason = f"The longest example has {longest:,} tokens, rounded up to a multiple of {MULTIPLE}"
    if needed < longest:
        reason = (
            f"{1 - allowed:.0%} of the examples have at most {usual:,} tokens, and the longest, of "
            f"{longest:,}, would decide the memory of all"
        )
    if found.context is not None and value > found.context:
        value = found.context
        reason += f"; the base model reads no more than {value:,}"
    return Choice("max_length", value, f"{reason}.", MULTIPLES)


def _choose_batch(rows: int, at_once: int) -> Choice:
    wanted = 2 ** math.floor(math.log2(max(1, rows / STEPS_PER_EPOCH)))
    batch = max(SMALLEST_BATCH, min(LARGEST_BATCH, wanted))
    value = at_once * math.ceil(batch / at_once)
    return Choice(
        "global_batch_size",
        value,
        f"{rows:,} rows make {math.ceil(rows / value):,} steps an epoch with it; LoRA learns "
        "better from small batches, and fewer than a hundred steps teach little.",
        f"{REGRET}; {QLORA}",
    )


def _choose_epochs(rows: int, per_epoch: int) -> Choice:
    usual = next((epochs for most, epochs in EPOCHS if rows < most), 1)
    value = min(MOST_EPOCHS, max(usual, math.ceil(LEAST_STEPS / per_epoch)))
    total = value * per_epoch
    if value > usual:
        reason = (
            f"{rows:,} rows need so many to make {total:,} steps, as hardly anything is learned in "
            f"fewer than {LEAST_STEPS}"
        )
    elif usual > 1:
        reason = (
            f"{rows:,} rows make {total:,} steps, and rows that are read up to four times teach "
            "almost as much as new ones"
        )
    else:
        reason = f"{rows:,} rows make {total:,} steps when each is read once, which is plenty"
    return Choice("num_train_epochs", value, f"{reason}.", f"{TINKER}; {REPEATED}")


def _choose_lora(trained: int, found: Situation) -> Iterator[Choice]:
    """Choose rank, alpha and layers; those of an adapter that the training starts from stay."""
    for one in _choose_new_lora(trained, found):
        if one.key in found.start:
            why = "The adapter that the training starts from has it, and its weights fit no other."
            yield Choice(one.key, found.start[one.key], why, "recipe.start_from")
        else:
            yield one


def _choose_new_lora(trained: int, found: Situation) -> Iterator[Choice]:
    per_rank = found.size.trainable / found.rank
    rank = RANK
    while rank * per_rank < trained and rank < MOST_RANK:
        rank *= 2
    yield Choice(
        "lora.r",
        rank,
        f"The adapter has {rank * per_rank:,.0f} parameters with it, for {trained:,} tokens to "
        "learn; a larger rank learns no more while it has more parameters than tokens.",
        f"{REGRET}; {LESS}",
    )
    yield Choice(
        "lora.lora_alpha",
        ALPHA,
        f"With {ALPHA} for every rank, the best learning rate does not depend on the rank.",
        REGRET,
    )
    yield Choice(
        "lora.target_modules",
        PLACEHOLDERS["lora.target_modules"],
        "An adapter on all linear layers learns more than one on those of the attention alone.",
        f"{LESS}; {REGRET}",
    )


def _choose_rate(steps: int, found: Situation) -> Choice:
    share = math.log(max(1, steps / LEAST_STEPS)) / math.log(LONG_STEPS / LEAST_STEPS)
    multiple = SHORT + (LONG - SHORT) * min(1.0, share)
    family = next((name for name in POWERS if found.model_type.startswith(name)), "")
    power = POWERS.get(family, POWERS["llama"])
    others = "" if family else " (measured on Llama, and taken for this architecture)"
    rate = FULL_RATE * multiple * (WIDTH / found.size.hidden) ** power
    value = float(f"{min(LARGEST_RATE, max(SMALLEST_RATE, rate)):.0e}")
    return Choice(
        "learning_rate",
        value,
        f"LoRA learns best at {multiple:.0f} times the rate of a full training in a run of "
        f"{steps:,} steps, and a base model {found.size.hidden:,} wide takes "
        f"{'larger' if found.size.hidden < WIDTH else 'smaller'} steps than one of "
        f"{WIDTH:,}{others}.",
        f"{REGRET}; {TINKER}",
    )

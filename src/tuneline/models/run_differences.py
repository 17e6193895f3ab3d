"""What a run is made of, what differs between two of them, and for what it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

from tuneline.utils.hashing import hash_value

# Keys of BitsAndBytesConfig that decide what becomes of the weights, and what they are if unstated.
WEIGHTS = {
    "load_in_4bit": False,
    "bnb_4bit_quant_type": "fp4",
    "bnb_4bit_use_double_quant": False,
    "llm_int8_skip_modules": None,
}
SPLITS = {
    "train": "training examples",
    "validation": "validation examples",
    "replay": "answers of the base model that are trained on",
}
START = "adapter to start from"
SHORT = 16  # hexadecimal digits: what messages show of a hash
# A plan says nothing that the others of a recipe's keys (learning rate, seed …) would change.
PLANNED_KEYS = {
    *("base_model", "revision", "quantization", "lora", "global_batch_size", "max_length"),
    *("overlong", "max_overlong_fraction", "packing", "chat_template_path", "max_steps"),
    *("num_train_epochs", "optim", "warmup_steps", "lr_scheduler_type", "lr_scheduler_kwargs"),
    *("eval_strategy", "eval_steps", "metric_for_best_model"),
}
# Recipe keys that change nothing in the adapter: how a run is watched and kept, and what the base
# model says by itself.
WATCHING_KEYS = {
    *("base_model", "revision", "start_from", "save_steps", "save_strategy", "save_total_limit"),
    *("report_to", "logging_steps", "logging_strategy", "logging_first_step", "run_name"),
    "max_overlong_fraction",
}
# What decides how fast a training goes, next to the base model.
SPEED_RECIPE = {"quantization", "lora", "packing", "optim"}
SPEED_HARDWARE = {
    *("device", "compute_capability", "dtype", "processes", "machines", "fsdp"),
    *("tokens_per_batch", "per_device_train_batch_size", "gradient_checkpointing"),
    "attn_implementation",
}
SPEED_ANSWERING = {
    *("device", "compute_capability", "dtype", "attn_implementation", "per_device_eval_batch_size"),
}


class RunInputs(TypedDict, total=False):
    """Everything that decides what an adapter becomes, and the machine that computes it.

    It has no time and no path of the machine: the same inputs give the same value. `plan.json` and
    `provenance.json` hold all of it. Whoever is about to train or to use an adapter describes what
    is at hand anew and compares: a description that was handed on would be compared with itself.

    Attributes:
        base: `name` of the base model, with the `sha256` of its weights or its `commit`.
        chat_template_sha256: of the tokenizer's chat template.
        start: the adapter that the training starts from, as `describe_start` gives it.
        prompt_templates: fingerprint of those that filled the examples; None for several.
        examples: `count` and `sha256` by split.
        recipe: `settings`, and the `sha256` of them.
        hardware: the machine.
        versions: of the libraries that train.
    """

    base: dict[str, str]
    chat_template_sha256: str
    start: dict[str, Any]
    prompt_templates: str | None
    examples: dict[str, dict[str, Any]]
    recipe: dict[str, Any]
    hardware: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """What differs between two runs: its name as a user knows it, and both values."""

    name: str
    recorded: Any
    now: Any


def find_differences(
    recorded: RunInputs, now: RunInputs, counts: Callable[[str], bool]
) -> list[Difference]:
    """Find what differs between two runs of all that `counts`, given its name, says it counts."""
    one, other = list_values(recorded), list_values(now)
    return [
        Difference(name, one.get(name), other.get(name))
        for name in sorted(one.keys() | other.keys())
        if counts(name) and one.get(name) != other.get(name)
    ]


def find_changed_keys(
    recorded: RunInputs, now: RunInputs, counts: Callable[[str], bool]
) -> list[Difference]:
    """Find what differs of all that both describe and that `counts`, the weights aside.

    A key of the recipe or of the machine that only one of them has differs, too.
    """
    both = list_values(recorded).keys() & list_values(now).keys() - {"base model", "weights"}

    def is_described(name: str) -> bool:
        return name in both or name.startswith(("recipe.", "hardware."))

    return find_differences(recorded, now, lambda name: is_described(name) and counts(name))


def name_run(inputs: RunInputs) -> str:
    """Name a run after what decides its outcome: twelve hexadecimal digits."""
    values = list_values(inputs)
    return hash_value({name: values[name] for name in values if counts_for_run(name)})[:12]


def list_values(inputs: RunInputs) -> dict[str, Any]:
    """List what is there to compare, by the names under which users know it."""
    values: dict[str, Any] = {}
    if "base" in inputs:
        values["base model"] = inputs["base"]
        # A folder may have moved: its weights identify it.
        values["weights"] = inputs["base"].get("sha256") or inputs["base"]
    if "chat_template_sha256" in inputs:
        values["chat template"] = inputs["chat_template_sha256"][:SHORT]
    if inputs.get("start"):
        values[START] = inputs["start"]["adapter"][:SHORT]
    if "prompt_templates" in inputs:
        values["prompt templates"] = inputs["prompt_templates"]
    for split, examples in inputs.get("examples", {}).items():
        values[SPLITS[split]] = examples["sha256"][:SHORT]
    if "recipe" in inputs:
        settings = inputs["recipe"]["settings"]
        stated = settings.get("quantization") or {}
        values["4-bit weights"] = {key: stated.get(key, unset) for key, unset in WEIGHTS.items()}
        values |= {f"recipe.{key}": value for key, value in settings.items()}
    values |= {f"hardware.{key}": value for key, value in inputs.get("hardware", {}).items()}
    return values


def counts_for_plan(name: str) -> bool:
    """Tell whether a plan is another one if this differs."""
    block, _, key = name.partition(".")
    if block == "recipe":
        return key in PLANNED_KEYS
    return block == "hardware" or name in {START, SPLITS["train"], SPLITS["replay"]}


def counts_for_run(name: str) -> bool:
    """Tell whether the outcome of a training is another one if this differs: not by the machine."""
    block, _, key = name.partition(".")
    if block == "recipe":
        return key not in WATCHING_KEYS
    return name in {"base model", START, "chat template", *SPLITS.values()}


def counts_for_speed(name: str) -> bool:
    """Tell whether a training goes at another speed if this differs."""
    block, _, key = name.partition(".")
    if block in {"recipe", "hardware"}:
        return key in (SPEED_RECIPE if block == "recipe" else SPEED_HARDWARE)
    return name == "weights"


def counts_for_answering_speed(name: str) -> bool:
    """Tell whether a model answers at another speed if this differs."""
    block, _, key = name.partition(".")
    if block == "hardware":
        return key in SPEED_ANSWERING
    return name in {"weights", "4-bit weights"}

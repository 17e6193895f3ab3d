"""Checks keys and values that belong to the upstream libraries, as installed."""

import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from tuneline.errors import Problem, suggest
from tuneline.parameters import Evaluation, Recipe
from tuneline.parameters.base import Bounds, GenerationBounds
from tuneline.parameters.recipe import LoraBounds, TrainingBounds

# Upstream keys that a recipe may not set, and why.
RESERVED = {
    **dict.fromkeys(
        (
            "per_device_train_batch_size",
            "per_device_eval_batch_size",
            "gradient_checkpointing",
            "bf16",
            "fp16",
            "use_cpu",
            "fsdp",
        ),
        "it belongs to the machine; set it in `hardware`",
    ),
    "gradient_accumulation_steps": "it follows from `global_batch_size`; set that",
    **dict.fromkeys(
        ("eos_token", "pad_token"),
        "one chat template serves training, evaluation and use; take a base model that has it",
    ),
    **dict.fromkeys(
        ("packing_strategy", "padding_free", "eval_packing"),
        "Tuneline packs the examples of one step together and never cuts one; choose with "
        "`packing: true` or `false`",
    ),
    **dict.fromkeys(
        (
            "disable_tqdm",
            "dataloader_pin_memory",
            "dataset_kwargs",
            "eval_on_start",
            "fsdp_config",
            "logging_nan_inf_filter",
            "resume_from_checkpoint",
            "restore_callback_states_from_checkpoint",
            "load_best_model_at_end",
        ),
        "Tuneline sets it itself; leave it out",
    ),
    "greater_is_better": "it follows from `metric_for_best_model`; leave it out",
    "output_dir": "the catalog says where results go; change it there",
    "trust_remote_code": "Tuneline runs no code from the hub; take a model that needs none",
    **dict.fromkeys(
        ("push_to_hub", "hub_model_id", "hub_token", "hub_strategy"),
        "training publishes nothing; remove it",
    ),
}
# Its name, what is stated, the keys that the library knows, their bounds, what builds it, and the
# library.
LibraryBlock = tuple[str, dict[str, Any], set[str], type[Bounds], Callable[..., Any], str]
# Ways to start an adapter that leave the base model's weights as they are.
STARTS = (True, False, "gaussian", "loftq")
RESERVED_LORA = {"task_type": "it is always CAUSAL_LM; leave it out"}
RESERVED_GENERATION = {
    **dict.fromkeys(
        ("eos_token_id", "pad_token_id"), "they follow from the chat template; leave them out"
    ),
    **dict.fromkeys(
        ("num_return_sequences", "return_dict_in_generate"),
        "every prompt gets one answer; leave it out",
    ),
    # What `generate` does for one prompt alone, only with a tokenizer, or with code of others.
    **dict.fromkeys(
        (
            *("assistant_early_exit", "cache_implementation", "compile_config", "constraints"),
            *("dola_layers", "force_words_ids", "is_assistant", "num_beam_groups"),
            *("penalty_alpha", "prompt_lookup_num_tokens", "stop_strings", "token_healing"),
        ),
        "many prompts are answered at once, by the library's own code; leave it out",
    ),
    "max_length": "it counts the prompt, too; state max_new_tokens",
}


def find_problems(use_case: str, recipe: Recipe, evaluation: Evaluation) -> Iterator[Problem]:
    """Find keys and values that the installed libraries would not take."""
    for block, values, reserved in (
        ("recipe", recipe.model_extra or {}, RESERVED),
        ("recipe.lora", recipe.lora, RESERVED_LORA),
        ("evaluation.generation", evaluation.generation, RESERVED_GENERATION),
    ):
        for key in sorted(reserved.keys() & values.keys()):
            yield _reserved(f"{use_case}.{block}.{key}", values[key], reserved[key])
    for block, values, known, bounds, build, package in _list_blocks(recipe, evaluation):
        where = f"{use_case}.{block}"
        problems = [
            *_find_unknown(where, values, known, package),
            *_find_out_of_bounds(where, values, bounds),
        ]
        yield from problems or _try(where, values, build, package)
    if recipe.quantization is None and recipe.lora.get("init_lora_weights") == "loftq":
        yield Problem(
            where=f"{use_case}.recipe.lora.init_lora_weights",
            value="loftq",
            wrong="LoftQ starts the adapter from what 4 bits lose of the weights, and "
            "recipe.quantization is null",
            matters="nothing is lost, so that it has nothing to start from",
            remedy="leave it out, or state recipe.quantization with `load_in_4bit: true`",
        )


def _list_blocks(recipe: Recipe, evaluation: Evaluation) -> Iterator[LibraryBlock]:
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig, GenerationConfig
    from trl import SFTConfig

    stored, generation = recipe.quantization or {}, evaluation.generation
    free = {key: one for key, one in (recipe.model_extra or {}).items() if key not in RESERVED}
    decoding = {name for name in vars(GenerationConfig()) if not name.startswith("_")}
    bits, training = _parameters(BitsAndBytesConfig), _names(SFTConfig) | {*Recipe.model_fields}
    yield "recipe.lora", recipe.lora, _names(LoraConfig), LoraBounds, _build_lora, "peft"
    yield "recipe.quantization", stored, bits, Bounds, BitsAndBytesConfig, "transformers"
    block = "evaluation.generation"
    yield block, generation, decoding, GenerationBounds, _build_generation, "transformers"
    yield "recipe", free, training, TrainingBounds, _build_training, "trl"


def list_known() -> set[str]:
    """List the keys that a recipe may state, those of a block of a library with its name before."""
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig
    from trl import SFTConfig

    return (
        {*Recipe.model_fields} - {"lora"}  # null is a `quantization`
        | _names(SFTConfig) - RESERVED.keys()
        | {f"lora.{name}" for name in _names(LoraConfig) - RESERVED_LORA.keys()}
        | {f"quantization.{name}" for name in _parameters(BitsAndBytesConfig)}
    )


def _find_unknown(
    where: str, values: dict[str, Any], known: set[str], package: str
) -> Iterator[Problem]:
    for key in sorted(set(values) - known):
        yield Problem(
            where=f"{where}.{key}",
            value=values[key],
            wrong=f"{package} {version(package)} knows no such key",
            matters="a misspelled key would silently change nothing",
            remedy=suggest(key, known - RESERVED.keys()),
        )


def _find_out_of_bounds(
    where: str, values: dict[str, Any], bounds: type[Bounds]
) -> Iterator[Problem]:
    try:
        bounds.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            message = str(details["msg"]).removeprefix("Value error, ")
            yield Problem(
                where=f"{where}.{details['loc'][0]}",
                value=details["input"],
                wrong=message[0].lower() + message[1:],
                matters="the run would fail late, or do something else than it says",
                remedy="correct the value",
            )


def _try(
    where: str, values: dict[str, Any], build: Callable[..., Any], package: str
) -> Iterator[Problem]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            build(**values)
    except (ValueError, TypeError, NotImplementedError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        yield Problem(
            where=where,
            wrong=f"{package} {version(package)} refuses it: {reason}",
            matters="the run would fail there",
            remedy="correct the value",
        )


def _reserved(where: str, value: Any, why: str) -> Problem:
    wrong, remedy = why.split("; ")
    return Problem(
        where=where,
        value=value,
        wrong=wrong,
        matters="two truths contradict each other",
        remedy=remedy,
    )


def _build_lora(**values: Any) -> None:
    """Build LoraConfig, and check what it would check only once it meets a model."""
    from peft import LoraConfig

    start = values.get("init_lora_weights", True)
    if start not in STARTS:
        raise ValueError(
            f"`init_lora_weights: {start}` changes the base model's weights, so that the adapter "
            "would not fit the base model that it is used with; take one of "
            f"{', '.join(str(one) for one in STARTS)}"
        )
    if start == "loftq":  # it is applied to the quantized weights, see training/sft.py
        values = {**values, "init_lora_weights": True}
    LoraConfig(**values)


def _build_generation(**values: Any) -> None:
    from transformers import GenerationConfig

    GenerationConfig(**values).validate(strict=True)


def _build_training(**values: Any) -> None:
    """Build SFTConfig as on a CPU, so that a GPU's recipe can be checked anywhere."""
    from trl import SFTConfig

    if values.get("save_strategy") in ("no", False):
        raise ValueError(
            "`save_strategy: no` would leave nothing to go on from after an interruption, and "
            "nothing to take the adapter from"
        )
    SFTConfig(output_dir="unused", use_cpu=True, bf16=False, **values)


def _names(config: Any) -> set[str]:
    return {field.name for field in fields(config) if field.init}


def _parameters(config: Any) -> set[str]:
    return set(inspect.signature(config).parameters) - {"kwargs"}

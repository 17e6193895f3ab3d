"""How fast this machine trains and answers: a few seconds of both, on a few examples."""

import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.examples import Example
from tuneline.hub.cache import has_weights
from tuneline.models.architecture import make_lora_config
from tuneline.models.fused_head import fit_head_to_cpu
from tuneline.models.generation import generate_ids
from tuneline.models.loading import load_model
from tuneline.models.machine import name_processor
from tuneline.models.memory import measure_free_memory
from tuneline.models.packed_attention import attend_each_alone
from tuneline.models.rendering import render_all, render_prompt
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Evaluation, Hardware, Recipe

log = logging.getLogger(__name__)

# Parameters of a base model that is loaded in seconds.
LARGEST = {"cpu": 1.5e9, "cuda": 15e9}
# Passes are repeated until so much time is over, and the fastest counts: others had company.
SECONDS, PASSES = 1.0, 5
# Tokens that are generated to time one step of generation.
STEPS = 8
# Prompts that are answered at once: the time of a whole batch follows from the line through both.
FEW, MORE = 2, 8


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        tokens_per_second: forward and backward, in tokens that are no padding.
        first_seconds: until a batch of prompts has its first token.
        step_seconds: for each further token of the batch.
        prompts: in that batch.
    """

    tokens_per_second: float
    first_seconds: float
    step_seconds: float
    prompts: int


def can_measure(parameters: int, needed_gb: float, recipe: Recipe, hardware: Hardware) -> bool:
    """Tell whether this is the machine, the base model's weights are here, and small enough."""
    folder = Path(recipe.base_model)
    return (
        hardware.world_size == 1
        and parameters <= LARGEST[hardware.device]
        and name_processor(hardware.device) is not None
        and needed_gb <= _measure_room(hardware)
        and has_weights(recipe)
        and (not folder.is_dir() or any(folder.glob("*.safetensors")))
    )


def _measure_room(hardware: Hardware) -> float:
    """Measure free memory in GB; none of it on a GPU that is not the one planned for."""
    if hardware.device == "cpu":
        return measure_free_memory()
    import torch

    major, minor = torch.cuda.get_device_capability()
    if hardware.compute_capability != major + minor / 10:
        return 0.0
    return float(torch.cuda.mem_get_info()[0]) / 1e9


def measure_speed(
    train: list[Example],
    test: list[Example],
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> Speed | None:
    """Pass some examples forward and backward, and answer some prompts.

    None if it failed: the first step of the training says why.
    """
    import torch

    log.info("Measuring how fast this machine trains and answers.")
    try:
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            return _measure(train, test, recipe, evaluation, hardware)
    except Exception as error:  # a plan without minutes is better than none
        log.warning("The speed could not be measured (%s).", " ".join(str(error).split()))
        return None
    finally:
        gc.collect()
        if hardware.device == "cuda":
            torch.cuda.empty_cache()


def _measure(
    train: list[Example],
    test: list[Example],
    recipe: Recipe,
    evaluation: Evaluation,
    hardware: Hardware,
) -> Speed:
    from peft import get_peft_model
    from trl.trainer.utils import add_fused_lm_head

    tokenizer = load_tokenizer(recipe)
    model = load_model(recipe, hardware)
    add_fused_lm_head(model)
    if hardware.device == "cpu":
        fit_head_to_cpu()
        attend_each_alone()
    lora = make_lora_config(recipe, model)
    lora.init_lora_weights = True  # how the weights start does not change the speed
    model = get_peft_model(model, lora).eval()
    prompts = [
        render_prompt(tokenizer, example["prompt"], example["id"])
        for example in _choose(test, hardware.per_device_eval_batch_size)
    ]

    def answer(count: int, tokens: int) -> None:
        generation = evaluation.generation | {"max_new_tokens": tokens}
        generate_ids(prompts[:count], model, tokenizer, generation, ends=[])

    def time_answers(count: int) -> tuple[float, float]:
        first = _time(lambda: answer(count, 1), hardware)
        steps = _time(lambda: answer(count, 1 + STEPS), hardware)
        return first, max(0.0, steps - first) / STEPS

    answer(1, 2)
    first, step = _extrapolate(time_answers, len(prompts))
    batch = _make_batch(tokenizer, train, recipe, hardware)
    pass_once = _prepare_pass(model, batch, hardware)
    pass_once()
    tokens = int(batch["attention_mask"].sum() if "attention_mask" in batch else _size(batch))
    rate = tokens / _time(pass_once, hardware)
    return Speed(rate, first, step, len(prompts))


def _extrapolate(time_answers: Callable[[int], tuple[float, float]], count: int) -> Any:
    """Give the times of a batch of so many prompts."""
    if count <= MORE:
        return time_answers(count)
    few, more = time_answers(FEW), time_answers(MORE)
    share = (count - FEW) / (MORE - FEW)
    return [low + share * max(0.0, high - low) for low, high in zip(few, more, strict=True)]


def _make_batch(tokenizer: Any, train: list[Example], recipe: Recipe, hardware: Hardware) -> Any:
    """Make a batch of examples of all lengths, as the training makes them."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    chosen = _choose(train, 1 + hardware.tokens_per_batch // 16)
    rendered = [one for one in render_all(tokenizer, chosen) if len(one.ids) <= recipe.max_length]
    rows = [{"input_ids": one.ids, "labels": one.labels} for one in rendered]
    if recipe.packing:
        taken, tokens = rows[:1], len(rows[0]["input_ids"])
        for row in rows[1 : recipe.global_batch_size]:
            tokens += len(row["input_ids"])
            if tokens > hardware.tokens_per_batch:
                break
            taken.append(row)
    else:
        taken = rows[: hardware.per_device_train_batch_size]
    collate = DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=recipe.packing)
    return collate(taken)


def _prepare_pass(model: Any, batch: Any, hardware: Hardware) -> Callable[[], None]:
    import torch
    from accelerate.utils import send_to_device

    inputs = send_to_device(batch, model.device)
    dtype = getattr(torch, hardware.dtype)
    model.train()
    if hardware.gradient_checkpointing:
        model.activation_checkpointing_enable()
        model.enable_input_require_grads()

    def pass_once() -> None:
        with torch.autocast(hardware.device, dtype, enabled=dtype != torch.float32):
            found = model(**inputs, fused_lm_head=True)
        (-found.log_probs.sum()).backward()
        model.zero_grad(set_to_none=True)

    return pass_once


def _time(work: Callable[[], None], hardware: Hardware) -> float:
    """Give the seconds of the fastest of some repetitions."""
    import torch

    found: list[float] = []
    while len(found) < PASSES and sum(found) < SECONDS:
        start = time.perf_counter()
        work()
        if hardware.device == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return min(found)


def _choose(examples: list[Example], count: int) -> list[Example]:
    """Choose some examples from all over a split."""
    return examples[:: max(1, len(examples) // count)][:count]


def _size(batch: Any) -> int:
    return int(batch["input_ids"].numel())

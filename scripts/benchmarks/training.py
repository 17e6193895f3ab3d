"""Tuneline's training next to bare TRL: useful tokens per second, memory, validation loss.

The same examples and the same model with random weights, steps of as many examples:

  team      bare TRL with the batches of the model's team, padded, 4 bits as bitsandbytes holds them
  once      the same, on the weights that Tuneline has dequantized once
  tuneline  Tuneline with the environment's settings
  bare      bare TRL, padded in batches of 4, the adapter in float32 as Tuneline keeps it
  padded    Tuneline with exactly the settings of `bare`, to see its own overhead

Learning rate, LoRA, quantization and optimizer are the recipe's in all of them.
"""

import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from scripts.benchmarks.cases import (
    Case,
    Options,
    Settings,
    load_settings,
    make_examples,
    measure_memory,
    start_measuring,
)
from scripts.benchmarks.processes import Emit

# The first steps also pay for what is loaded and compiled once.
WARM_UP = 2
OVERHEAD_BATCH = 4


class Clock(TrainerCallback):  # type: ignore[misc]
    """Measures tokens per second after the first steps, and ends a training that takes long."""

    def __init__(self, trainer: Any, seconds: float, emit: Emit) -> None:
        self.trainer, self.seconds, self.emit = trainer, seconds, emit
        self.marks: list[tuple[float, int]] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start."""
        self._mark()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Read the clock."""
        self._mark()
        steps = len(self.marks) - 1
        first = self.marks[WARM_UP if steps > WARM_UP else 0]
        seconds, tokens = (b - a for a, b in zip(first, self.marks[-1], strict=True))
        self.emit(steps=steps, tokens=tokens, tokens_per_second=round(tokens / seconds, 1))
        if self.marks[-1][0] - self.marks[0][0] > self.seconds and steps > WARM_UP:
            control.should_training_stop = True

    def _mark(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.marks.append((time.perf_counter(), self.trainer._total_train_tokens))


def measure_training(case: Case, options: Options, folder: Path, emit: Emit) -> None:
    """Predict, train, and pass the longest batch.

    Args:
        case: the model, the environment and the way.
        options: examples and time.
        folder: where the models are.
        emit: takes `predicted` and `predicted_gb`, `tokens_per_second` and the like, the peak, and
            the `validation_loss` of a training that has seen all examples.
    """
    from tuneline.models.tokenizer import load_tokenizer
    from tuneline.training.batches import render_examples

    logging.disable(logging.INFO)
    settings = _change_batch(case.way, load_settings(case, folder))
    recipe, device = settings.recipe, settings.hardware.device
    tokenizer = load_tokenizer(recipe)
    rows = {
        split: render_examples(tokenizer, make_examples(count, seed, recipe.max_length), recipe)
        for split, count, seed in (("train", options.examples, 1), ("validation", 24, 2))
    }
    emit(**_predict(settings, max(map(len, rows["train"]["input_ids"]))))
    start = time.perf_counter()
    make = _make_ours if case.way in ("tuneline", "padded") else _make_bare
    trainer = make(settings, rows, case.way, tempfile.mkdtemp(dir=folder))
    seconds = round(time.perf_counter() - start, 1)
    emit(loading_seconds=seconds, loading_gb=measure_memory(device)["peak_gb"])
    trainer.add_callback(Clock(trainer, options.seconds, emit))
    start_measuring(device)
    trainer.train()
    trained = measure_memory(device)
    emit(**trained)
    longest = _pass_longest(trainer, rows["train"], settings)
    emit(peak_gb=max(longest, trained["peak_gb"]), longest_batch_gb=longest)
    if trainer.state.global_step == trainer.state.max_steps:
        emit(validation_loss=_measure_loss(trainer, rows["validation"], settings))


def _change_batch(way: str, settings: Settings) -> Settings:
    """State the batches of the ways that pad."""
    if way == "tuneline":
        return settings
    batch = settings.team.batch if way in ("team", "once") else OVERHEAD_BATCH
    update = {"per_device_train_batch_size": batch}
    return replace(
        settings,
        recipe=settings.recipe.model_copy(update={"packing": False}),
        hardware=settings.hardware.model_copy(update=update),
    )


def _predict(settings: Settings, longest: int) -> dict[str, Any]:
    """Predict the peak as the plan does."""
    from tuneline.models.loading import load_model_config
    from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory

    recipe = settings.recipe
    size = measure_model(load_model_config(recipe), recipe)
    predicted = predict_memory(size, longest, recipe, settings.hardware)
    return {
        "parameters": size.parameters()["base"],
        "longest": longest,
        "predicted_gb": predicted["total"],
        "predicted": predicted,
    }


def _make_ours(settings: Settings, rows: dict[str, Any], _: str, output: str) -> Any:
    """Make Tuneline's trainer; one validation row keeps its evaluations small."""
    from tuneline.models.loading import load_model
    from tuneline.models.tokenizer import load_tokenizer
    from tuneline.training.sft import SFTAdapterTrainer

    recipe, hardware = settings.recipe, settings.hardware
    few = {**rows, "validation": rows["validation"].select(range(1))}
    model, tokenizer = load_model(recipe, hardware), load_tokenizer(recipe)
    return SFTAdapterTrainer(model, tokenizer, few, Path(output), recipe, hardware, None)


def _make_bare(settings: Settings, rows: dict[str, Any], way: str, output: str) -> Any:
    """Make TRL's own trainer.

    In float16 the adapter is in float32 too, as the teams' older libraries kept it: TRL has it in
    bfloat16, which the scaler of float16's gradients does not take (trl issue 4901).
    """
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from tuneline.models.loading import load_model
    from tuneline.models.tokenizer import load_tokenizer
    from tuneline.training.sft_arguments import derive_arguments

    recipe, hardware = settings.recipe, settings.hardware
    # bitsandbytes dequantizes at every pass; `load_model` does so where there is no memory.
    held = hardware.model_copy(update={"memory_gb": 0.0}) if way == "team" else hardware
    arguments = {
        **derive_arguments(recipe, hardware),
        "save_strategy": "no",
        "logging_nan_inf_filter": True,
    }
    trainer = SFTTrainer(
        load_model(recipe, held),
        SFTConfig(output_dir=output, **arguments),
        train_dataset=rows["train"],
        processing_class=load_tokenizer(recipe),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **recipe.lora),
    )
    if way == "bare" or hardware.dtype == "float16":
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return trainer


def _pass_longest(trainer: Any, rows: Any, settings: Settings) -> float:
    """Pass the longest batch forward and backward: a training that was stopped need not meet it."""
    from tuneline.training.probe import probe_step

    hardware = settings.hardware
    start_measuring(hardware.device)
    if hasattr(trainer, "recipe"):
        return round(probe_step(trainer, rows, hardware).peak_gb, 3)
    longest = sorted(rows, key=lambda row: -len(row["input_ids"]))
    batch = trainer.data_collator(longest[: hardware.per_device_train_batch_size])
    trainer.training_step(trainer.model, batch)
    return measure_memory(hardware.device)["peak_gb"]


def _measure_loss(trainer: Any, rows: Any, settings: Settings) -> float:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from tuneline.training.batches import describe_validation, measure_validation

    collate = DataCollatorForLanguageModeling(
        trainer.processing_class.pad_token_id, padding_free=True
    )
    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    with trainer.compute_loss_context_manager():
        sums = measure_validation(model, rows, collate, settings.hardware.tokens_per_batch)
    return round(describe_validation(sums)["eval_loss"], 4)

"""Tuneline's training next to bare TRL: useful tokens per second, validation loss, memory.

The same examples, with lengths as in AmazonTitles, and the same model with random weights, each way
in a process of its own, one after the other, in several rounds:

  team      bare TRL with the product team's settings: batch 2, accumulated 4 times, padded
  tuneline  Tuneline with this machine's settings
  bare      bare TRL, padded in batches of 4, the adapter in float32 as Tuneline keeps it
  padded    Tuneline with exactly the settings of `bare`, to see its own overhead

    python scripts/benchmarks/train.py --model llama_25m --env laptop
    python scripts/benchmarks/train.py --model phi_3_mini --env colab_paid      # on a GPU
"""

import argparse
import json
import logging
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WAYS = ("team", "tuneline", "bare", "padded")
# Token lengths of AmazonTitles: log-normal with median 100 and mean 173.
MEDIAN, SIGMA = 100, math.sqrt(2 * math.log(1.73))
CHARACTERS_PER_TOKEN = 3.6
MAX_LENGTH = 2048


def make_examples(count: int, seed: int) -> list[dict[str, Any]]:
    """Make examples of our own words whose lengths are spread as in the real data."""
    from scripts.samples.product_descriptions import generate_lines

    words = [json.loads(line).get("content") or "" for line in _readable(generate_lines(3000))]
    text = " ".join(words)
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    examples = []
    for number in range(count):
        length = min(MAX_LENGTH - 40, draw.lognormvariate(math.log(MEDIAN), SIGMA))
        size = max(8, round(length * CHARACTERS_PER_TOKEN))
        start = draw.randrange(len(text) - size)
        examples.append(
            {
                "id": str(number),
                "prompt": [{"role": "user", "content": f"Describe product {number}."}],
                "completion": [{"role": "assistant", "content": text[start : start + size]}],
                "meta": {"line": number},
            }
        )
    return examples


def load_settings(env: str, model: Path, epochs: float) -> tuple[Any, Any]:
    """Load recipe and machine as a run in this environment would have them."""
    from kedro.config import OmegaConfigLoader

    from tuneline.parameters import Hardware, Recipe
    from tuneline.settings import CONFIG_LOADER_ARGS

    parameters = OmegaConfigLoader("conf", env=env, **CONFIG_LOADER_ARGS)["parameters"]
    recipe = {
        **parameters["product_descriptions"]["recipe"],
        "base_model": str(model),
        "max_length": MAX_LENGTH,
        "global_batch_size": 8,
        "num_train_epochs": epochs,
        "learning_rate": 5e-4,
        "eval_strategy": "no",
        "save_steps": 0.5,
        "logging_steps": 5,
    }
    return Recipe.model_validate(recipe), Hardware.model_validate(parameters["hardware"])


def train_bare(recipe: Any, hardware: Any, rows: dict[str, Any], batch: int, float32: bool) -> Any:
    """Train with nothing but TRL."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from tuneline.models.loading import load_model, load_tokenizer

    settings = SFTConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=8 // batch,
        num_train_epochs=recipe.num_train_epochs,
        learning_rate=recipe.learning_rate,
        max_length=MAX_LENGTH,
        optim=recipe.optim,
        lr_scheduler_type="linear",
        warmup_steps=10,
        weight_decay=0.01,
        seed=3407,
        save_strategy="no",
        report_to="none",
        logging_steps=5,
        disable_tqdm=True,
        gradient_checkpointing=hardware.gradient_checkpointing,
        bf16=hardware.dtype == "bfloat16",
        fp16=hardware.dtype == "float16",
        use_cpu=hardware.device == "cpu",
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = SFTTrainer(
        load_model(recipe, hardware),
        settings,
        train_dataset=rows["train"],
        processing_class=load_tokenizer(recipe),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **recipe.lora),
    )
    if float32:
        for parameter in trainer.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return trainer


def train_ours(recipe: Any, hardware: Any, rows: dict[str, Any]) -> Any:
    """Train with Tuneline's trainer; one validation row keeps its evaluations small."""
    from tuneline.models.loading import load_model, load_tokenizer
    from tuneline.pipelines.train.sft import SFTAdapterTrainer

    few = {**rows, "validation": rows["validation"].select(range(1))}
    folder = Path(tempfile.mkdtemp())
    model, tokenizer = load_model(recipe, hardware), load_tokenizer(recipe)
    return SFTAdapterTrainer(model, tokenizer, few, folder, recipe, hardware, None)


def run_way(way: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Train in one way and measure; called in a process of its own."""
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    from tuneline.models.loading import load_tokenizer
    from tuneline.models.memory import measure_peak, reset_peak
    from tuneline.pipelines.train.batches import (
        describe_validation,
        measure_validation,
        render_examples,
    )

    logging.disable(logging.INFO)
    recipe, hardware = load_settings(arguments.env, arguments.folder, arguments.epochs)
    tokenizer = load_tokenizer(recipe)
    splits = {"train": (arguments.examples, 1), "validation": (24, 2)}
    rows = {
        split: render_examples(tokenizer, make_examples(count, seed), recipe)
        for split, (count, seed) in splits.items()
    }
    if way in ("padded", "bare"):
        recipe = recipe.model_copy(update={"packing": False})
        hardware = hardware.model_copy(update={"per_device_train_batch_size": 4})
    reset_peak(hardware.device)
    if way in ("tuneline", "padded"):
        trainer = train_ours(recipe, hardware, rows)
    else:
        trainer = train_bare(recipe, hardware, rows, 2 if way == "team" else 4, way == "bare")
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    peak = measure_peak(hardware.device)
    collate = DataCollatorForLanguageModeling(tokenizer.pad_token_id, padding_free=True)
    model = trainer.accelerator.unwrap_model(trainer.model).eval()
    with trainer.compute_loss_context_manager():
        sums = measure_validation(model, rows["validation"], collate, hardware.tokens_per_batch)
    tokens = arguments.epochs * sum(len(ids) for ids in rows["train"]["input_ids"])
    return {
        "tokens_per_second": tokens / seconds,
        "validation_loss": describe_validation(sums)["eval_loss"],
        "peak_gb": peak,
    }


def predict(arguments: argparse.Namespace) -> float:
    """Predict Tuneline's peak as its plan does, in GB."""
    from tuneline.models.loading import load_model_config, load_tokenizer
    from tuneline.models.rendering import render_example
    from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory

    recipe, hardware = load_settings(arguments.env, arguments.folder, arguments.epochs)
    tokenizer = load_tokenizer(recipe)
    examples = make_examples(arguments.examples, 1)
    longest = max(len(render_example(tokenizer, one).ids) for one in examples)
    size = measure_model(load_model_config(recipe), recipe)
    return predict_memory(size, longest, recipe, hardware)["total"]


def _readable(lines: Any) -> list[str]:
    return [line for line in lines if line.startswith("{") and line.endswith("}")]


def _start(way: str, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way]
    for key in ("folder", "env", "examples", "epochs"):
        command += [f"--{key}", str(getattr(arguments, key))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(arguments: argparse.Namespace) -> str:
    """Run every way in every round; answer with a table for docs/benchmarks.md."""
    found = {way: [] for way in arguments.ways}
    for _ in range(arguments.rounds):
        for way in arguments.ways:
            found[way].append(_start(way, arguments))
            sys.stderr.write(f"{way}: {found[way][-1]}\n")
    rates = {
        way: statistics.median(run["tokens_per_second"] for run in runs)
        for way, runs in found.items()
    }
    lines = [
        f"| {way} | {rates[way]:,.0f} | {rates[way] / rates[arguments.ways[0]]:.2f} "
        f"| {runs[-1]['validation_loss']:.4f} | {runs[-1]['peak_gb']:.2f} |"
        for way, runs in found.items()
    ]
    lines.append(f"predicted peak of tuneline: {predict(arguments):.2f} GB")
    return "\n".join(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="llama_25m")
    parser.add_argument("--env", default="laptop")
    parser.add_argument("--examples", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--way", choices=WAYS, help="used by the script itself")
    parser.add_argument("--folder", type=Path, help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.way:
        sys.stdout.write(json.dumps(run_way(arguments.way, arguments)) + "\n")
        return
    from scripts.benchmarks.models import save_model

    with tempfile.TemporaryDirectory() as folder:
        arguments.folder = save_model(arguments.model, Path(folder))
        sys.stdout.write(compare(arguments) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, ".")
    main()

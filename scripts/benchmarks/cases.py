"""What the benchmark of a machine measures, and with which settings and examples."""

import json
import math
import random
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scripts.benchmarks.models import TEAMS, Team
from tuneline.parameters import Evaluation, Hardware, Recipe, StatedRecipe
from tuneline.parameters.chosen import PLACEHOLDERS

# Token lengths of AmazonTitles: log-normal with median 100 and mean 173.
MEDIAN, SIGMA = 100, math.sqrt(2 * math.log(1.73))
CHARACTERS_PER_TOKEN = 3.6
# Of an example, next to its completion.
PROMPT_TOKENS = 40


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        model: one of `TEAMS`.
        env: the environment of `conf/` whose settings Tuneline takes.
        way: how it is trained, or `answers`.
        round: its number, where a way is measured several times.
        dtype: of the computation; None for what the environment's follows from.
    """

    model: str
    env: str
    way: str
    round: int = 1
    dtype: str | None = None


@dataclass(frozen=True)
class Options:
    """What all measurements share.

    Attributes:
        examples: training examples.
        seconds: after which a training stops, if it has not seen all of them.
        new_tokens: of each answer.
    """

    examples: int
    seconds: float
    new_tokens: int


@dataclass(frozen=True)
class Settings:
    """What a run of the model in the environment has.

    Attributes:
        team: the team's own settings.
        recipe: the use case's, on the model with random weights.
        hardware: the environment's.
        evaluation: the use case's; its seed is what counts here.
    """

    team: Team
    recipe: Recipe
    hardware: Hardware
    evaluation: Evaluation


def load_settings(case: Case, folder: Path) -> Settings:
    """Load what a run would have; steps and longest examples are those of the team.

    Args:
        case: names model and environment.
        folder: where the models are.

    Returns:
        The settings.
    """
    team = TEAMS[case.model]
    parameters = _load_parameters(case.env)
    evaluation = Evaluation.model_validate(parameters[team.use_case]["evaluation"])
    recipe = {
        **parameters[team.use_case]["recipe"],
        "base_model": str(folder / case.model),
        "max_length": team.max_length,
        "global_batch_size": team.batch * team.accumulation,
        "num_train_epochs": 1,
        "eval_strategy": "no",
        "early_stopping_patience": None,
        "save_steps": 0.5,
        "logging_steps": 5,
    }
    machine = {"dtype": case.dtype} if case.dtype else {}
    hardware = Hardware.model_validate(parameters["hardware"] | machine)
    checkpointing = {"gradient_checkpointing": hardware.device == "cuda"}
    hardware = hardware.model_copy(update=checkpointing)
    stated = StatedRecipe.model_validate(recipe)
    return Settings(team, stated.settle(PLACEHOLDERS), hardware, evaluation)


@cache
def _load_parameters(env: str) -> dict[str, Any]:
    from kedro.config import OmegaConfigLoader

    from tuneline.settings import CONFIG_LOADER_ARGS

    return OmegaConfigLoader("conf", env=env, **CONFIG_LOADER_ARGS)["parameters"]


def make_examples(count: int, seed: int, max_length: int) -> list[dict[str, Any]]:
    """Make examples of our own words whose lengths are spread as in the real data.

    Args:
        count: of examples.
        seed: of the draw.
        max_length: tokens of the longest.

    Returns:
        The examples.
    """
    from scripts.samples.product_descriptions import generate_lines

    text = " ".join(_read_contents(generate_lines(3000)))
    draw = random.Random(seed)  # noqa: S311 - data, not secrets
    examples = []
    for number in range(count):
        length = min(max_length - PROMPT_TOKENS, draw.lognormvariate(math.log(MEDIAN), SIGMA))
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


def _read_contents(lines: Iterable[str]) -> Iterator[str]:
    """Read the descriptions of the sample, whose dirt includes lines that are no JSON."""
    for line in lines:
        with suppress(json.JSONDecodeError, AttributeError):
            content = json.loads(line).get("content")
            if isinstance(content, str):
                yield content


def start_measuring(device: str) -> None:
    """Forget the peak so far, and the memory that PyTorch holds without using it.

    Args:
        device: `cpu` or `cuda`.
    """
    import gc

    import torch

    from tuneline.models.memory import reset_peak

    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    reset_peak(device)


def measure_memory(device: str) -> dict[str, float]:
    """Read the peak since `start_measuring`.

    Args:
        device: `cpu` or `cuda`.

    Returns:
        GB (10^9 bytes): `peak_gb` as a training's record has it; on a GPU also the tensors'
        `allocated_gb`, and `device_gb`, what is taken of the GPU now, the context included.
    """
    from tuneline.models.memory import measure_peak

    found = {"peak_gb": measure_peak(device)}
    if device == "cuda":
        import torch

        free, total = torch.cuda.mem_get_info()
        found["allocated_gb"] = torch.cuda.max_memory_allocated() / 1e9
        found["device_gb"] = (total - free) / 1e9
    return {name: round(value, 3) for name, value in found.items()}

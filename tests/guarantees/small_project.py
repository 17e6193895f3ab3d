"""The smallest project in which every stage has something to do: the whole chain in seconds.

Reading the configuration of all use cases on all machines would take longer than the work itself,
so that only what is run is left of it.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml
from safetensors.torch import load_file, save_file

from scripts.samples.product_descriptions import generate_lines
from tests.conftest import RAW, TINY_BASE, copy_project, state_evaluation, write_raw

MAIN, SYNTHESIZED = "product_descriptions", "persona_dialogues"
DATA = Path("data/test")
RECIPE = {
    "base_model": "data/06_models/tiny_base",
    "max_length": 128,
    "overlong": "drop",
    "global_batch_size": 16,
    "num_train_epochs": 2,
    "learning_rate": 4e-3,
    "optim": "adamw_torch",
    "logging_steps": 1,
    "save_steps": 1,
    "eval_strategy": "epoch",
    "warmup_steps": 0,
    # Left to the plan, it rests on a measured speed, which is another one in each run.
    "metric_for_best_model": "chrf",
}
EVALUATION = {
    "questions": ["Wooden Abacus"],
    "resamples": 100,
    "generation": {"max_new_tokens": 8},
}
RUBRIC = {
    "criteria": [{"name": "readability", "description": "Does it read well?"}],
    "people": True,
}
SETTINGS = {
    "data": {
        "rules": {"max_characters": {"content": 200}},
        "split": {"sample": 48, "test": 8, "validation": 8},
    },
    "recipe": RECIPE,
    "evaluation": EVALUATION,
    "publish": {"repo_id": "tea/shop", "license": "mit", "data_license": "our own"},
}
SYNTHESIS = {
    "synthesize": {"templates": {"count": 50, "conversations": 40, "quotas": {"tolerance": 0.1}}},
    "recipe": RECIPE,
}
QUESTIONS = "Blue teapot\nOak spoon\nWool scarf\nA kite for two\n"
RUN = "run --env=test --pipeline="
WHOLE = "run --env=test"


@dataclass(frozen=True)
class Step:
    """A command, and the use case whose project it is typed in."""

    name: str
    command: str
    use_case: str = MAIN


# In the order of the chain; what is next to it follows.
STEPS = [
    Step("synthesize", f"{RUN}{SYNTHESIZED}.synthesize", SYNTHESIZED),
    *(Step(stage, f"{RUN}{stage}") for stage in ("prepare", "plan", "train", "evaluate")),
    Step("ask", f"{RUN}ask --params=questions_file=questions.txt"),
    *(Step(stage, f"{RUN}{stage}") for stage in ("merge", "publish", "overview")),
]


def make_project(folder: Path, use_case: str = MAIN) -> Path:
    """Copy the project, and leave of its configuration what one use case needs in CI."""
    project = copy_project(folder)
    for machine in (project / "conf").iterdir():
        if machine.is_dir() and machine.name not in {"base", "test", "local"}:
            shutil.rmtree(machine)
    for other in (project / "conf").glob("*/*/"):
        if other.name not in {MAIN, use_case}:
            shutil.rmtree(other)
    keep_first_layer(project / TINY_BASE)
    write_raw(project / RAW, list(generate_lines(200)))
    (project / "questions.txt").write_text(QUESTIONS, "utf-8")
    state_evaluation(project, rubric=RUBRIC)
    _state(project / f"conf/test/{MAIN}/parameters.yml", {MAIN: SETTINGS})
    if use_case == SYNTHESIZED:
        _state(project / f"conf/test/{use_case}/parameters.yml", {use_case: SYNTHESIS})
    _state(project / "conf/test/parameters_merge.yml", {"merge": {"prompts": 2}})
    return project


def keep_first_layer(base: Path) -> None:
    """Cut a model to its first layer: what it says does not matter here."""
    tensors = load_file(base / "model.safetensors")
    first = {name: tensor for name, tensor in tensors.items() if "layers." not in name}
    first |= {name: tensor for name, tensor in tensors.items() if "layers.0." in name}
    save_file(first, base / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text("utf-8")) | {"num_hidden_layers": 1}
    (base / "config.json").write_text(json.dumps(config), "utf-8")


def _state(path: Path, values: dict) -> None:
    path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), "utf-8")

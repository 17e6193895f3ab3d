"""Sweeps of a few seconds a trial on the tiny model.

python -m tests.pipelines.sweep.small_sweeps FOLDER MOMENT
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

from tests.conftest import CPU, load_parameters
from tests.training.small_runs import make_examples, shrink
from tuneline.parameters import Evaluation, Hardware, Recipe, Sweep
from tuneline.pipelines.plan.sweep import plan_sweep
from tuneline.pipelines.sweep.nodes import run_trials
from tuneline.training import sft

EVALUATION = Evaluation(title="Pots", generation={"max_new_tokens": 12}, resamples=100)
RATES = [1e-3, 4e-3, 1e-2]
TRAIN, VALIDATION = make_examples(24), make_examples(6)
# How fast a machine is decides nothing but the price.
SPEED = {
    "training": {"tokens_per_second": 100.0, "basis": "assumed"},
    "validation_answers": {"seconds": 2.0},
}


def make_plan(recipe: Recipe, hardware: Hardware, folder: Path, **sweep: Any) -> dict[str, Any]:
    plan = {"time": SPEED, "warnings": []}
    recipe = shrink(recipe, warmup_steps=0, save_steps=1, num_train_epochs=2)
    stated = Sweep.model_validate({"space": {"learning_rate": RATES}, **sweep})
    folders = folder, folder.with_name("adapter")
    return plan_sweep(plan, TRAIN, VALIDATION, *folders, recipe, stated, EVALUATION, hardware)


def die_in_the_second_trial(trainer: sft.SFTAdapterTrainer) -> bool:
    return trainer.recipe.learning_rate == RATES[0] and trainer.state.global_step == 1


def die_on_the_way_to_the_end(trainer: sft.SFTAdapterTrainer) -> bool:
    return trainer.state.global_step == 3


MOMENTS = {one.__name__: one for one in (die_in_the_second_trial, die_on_the_way_to_the_end)}


def sweep(folder: Path, moment: str) -> None:
    """Run a sweep of three trials, and kill the process (SIGKILL) at a given moment."""
    step = sft.SFTAdapterTrainer.training_step

    def killed(self: sft.SFTAdapterTrainer, *arguments: object) -> Any:
        if moment in MOMENTS and MOMENTS[moment](self):
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *arguments)  # type: ignore[arg-type]

    sft.SFTAdapterTrainer.training_step = killed  # type: ignore[assignment,method-assign]
    checkpoints = folder / "checkpoints"
    plan = make_plan(load_parameters().recipe, CPU, checkpoints)
    found = run_trials(TRAIN, VALIDATION, plan, checkpoints, CPU)
    (folder / "results.json").write_text(json.dumps(found))

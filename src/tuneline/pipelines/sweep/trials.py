"""Successive halving: all trials train to a rung, the best go on from their checkpoints.

A rung is a share of a trial's own schedule, so that the learning rate of all of them has fallen
equally far. The recipe as it is goes to the end in any case: it is what the winner is compared
with. Every trial has the same seed, and so the same first weights and the same order of examples.
"""

import logging
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.models.run_differences import name_run
from tuneline.models.tokenizer import load_tokenizer
from tuneline.parameters import Hardware, Recipe
from tuneline.parameters.sweep import count_kept
from tuneline.training.best_checkpoint import Watch, read_choice
from tuneline.training.checkpoints import INPUTS, list_checkpoints, read_step
from tuneline.training.run import train_run
from tuneline.training.validation_answers import read_scores
from tuneline.utils.hashing import read_sealed, write_sealed

log = logging.getLogger(__name__)

FAILED = "failed.json"
REMEDY = "nothing to do: the trial is trained again"
# A trial whose loss breaks says something about its values, and nothing about the others.
BLAMED = "recipe."


class Runner:
    """Trains trials to their rungs."""

    def __init__(
        self,
        splits: dict[str, list[Example]],
        plan: dict[str, Any],
        folder: Path,
        hardware: Hardware,
    ) -> None:
        self.splits, self.folder, self.hardware = splits, folder, hardware
        self.rungs: list[float] = plan["rungs"]

    def locate(self, trial: dict[str, Any]) -> Path:
        """Give the folder of a trial."""
        return self.folder / name_run(trial["inputs"])

    def measure(self, trial: dict[str, Any], share: float) -> dict[str, Any]:
        """Train a trial to a rung, unless it was there already.

        Returns:
            `share`, `step`, `chrf` of each answer and the `loss`; or why it `failed`.
        """
        run, steps = self.locate(trial), self._list_steps(trial)
        step = steps[self.rungs.index(share)]
        write_sealed(run / INPUTS, {**trial["inputs"]})
        found, failed = _read_scores(run, step), _read(run / FAILED)
        if not (found or failed):
            failed = self._train(trial, run, step, steps)
            found = None if failed else read_scores(run, step)
        at = {"share": share, "step": step}
        return at | (found or {"failed": (failed or {})["why"]})

    def clear(self, trial: dict[str, Any]) -> None:
        """Remove the checkpoints of a trial that does not go on; what was measured stays."""
        for checkpoint in list_checkpoints(self.locate(trial)):
            shutil.rmtree(checkpoint)

    def _list_steps(self, trial: dict[str, Any]) -> list[int]:
        total = int(trial["steps"]["total"])
        return [math.ceil(share * total) for share in self.rungs]

    def _train(
        self, trial: dict[str, Any], run: Path, step: int, steps: list[int]
    ) -> dict[str, str] | None:
        if any(read_step(one) >= step for one in list_checkpoints(run)):
            self.clear(trial)  # its answers were lost, and it does not go back
        recipe = Recipe.model_validate(trial["settings"])
        stop = None if step == steps[-1] else step
        watch = Watch(read_choice(trial["best_checkpoint"]), tuple(steps), stop)
        try:
            train_run(
                run,
                self.splits,
                load_tokenizer(recipe),
                recipe,
                self.hardware,
                trial["memory_gb"]["total"],
                watch,
            )
        except TunelineError as error:
            if not all(one.where.startswith(BLAMED) for one in error.problems):
                raise
            failed = {"why": str(error)}
            write_sealed(run / FAILED, failed)
            return failed
        return None


def halve(runner: Runner, trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train all trials that fit, the recipe as it is first, fewer of them at each rung.

    Returns:
        Of each trial its `name`, `values`, `rungs` as `measure` gives them, and whether it is
        `through`.

    Raises:
        TunelineError: if the recipe as it is cannot be trained.
    """
    rungs: dict[str, list[dict[str, Any]]] = {one["name"]: [] for one in trials}
    alive = trials
    for share in runner.rungs:
        for number, trial in enumerate(alive, start=1):
            log.info(
                "Sweep to %.0f%%: %s (%s of %s).", 100 * share, trial["name"], number, len(alive)
            )
            rungs[trial["name"]].append(runner.measure(trial, share))
        through = [one for one in alive if "failed" not in rungs[one["name"]][-1]]
        last = share == runner.rungs[-1]
        alive = through if last else _keep(through, rungs, count_kept(len(alive)), trials[0])
        for trial in trials:
            if last or trial not in alive:
                runner.clear(trial)
        log.info("After %.0f%%: %s", 100 * share, "; ".join(_list_scores(rungs, share)))
    return [
        {
            "name": one["name"],
            "values": one["values"],
            "rungs": rungs[one["name"]],
            "through": one in alive,
        }
        for one in trials
    ]


def _keep(
    trials: list[dict[str, Any]],
    rungs: dict[str, list[dict[str, Any]]],
    count: int,
    first: dict[str, Any],
) -> list[dict[str, Any]]:
    best = sorted(trials, key=lambda one: rank(rungs[one["name"]][-1]))[:count]
    return [one for one in trials if one in best or one is first]


def rank(rung: dict[str, Any]) -> tuple[float, float]:
    """Give what trials are ordered by: chrF of the answers, and where that is the same the loss."""
    return -average_chrf(rung), rung["loss"]


def average_chrf(rung: dict[str, Any]) -> float:
    """Average over all validation prompts."""
    return float(sum(rung["chrf"]) / len(rung["chrf"]))


def _list_scores(rungs: dict[str, list[dict[str, Any]]], share: float) -> Iterator[str]:
    for name, found in rungs.items():
        if found and found[-1]["share"] == share:
            last = found[-1]
            shown = "failed" if "failed" in last else f"chrF {average_chrf(last):.1f}"
            yield f"{name} {shown}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_sealed(path, REMEDY) if path.exists() else None
    except TunelineError as error:
        log.warning("%s", error)
        return None


def _read_scores(run: Path, step: int) -> dict[str, Any] | None:
    try:
        return read_scores(run, step)
    except TunelineError as error:
        log.warning("%s", error)
        return None

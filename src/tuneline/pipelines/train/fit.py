"""A training from start, or from its last checkpoint, to the end."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tuneline.memory_use import measure_peak, reset_peak
from tuneline.parameters import Hardware, Recipe
from tuneline.pipelines.train.checkpoints import finish, remove_old

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What every process of a training needs to know.

    Attributes:
        rows: folder with `train` and `validation`, as `datasets` saves them.
        run: folder of the run's checkpoints.
        checkpoint: where an interrupted run goes on, or `None`. Found before the processes start:
            several of them would remove the same half-written one.
        recipe: what is trained and how.
        hardware: the machine.
        planned_gb: memory that the plan predicts.
    """

    rows: Path
    run: Path
    checkpoint: Path | None
    recipe: Recipe
    hardware: Hardware
    planned_gb: float


def fit(task: Task) -> None:
    """Train to the end; the run's folder then holds the adapter and `finished.json`.

    Args:
        task: what to train.
    """
    from datasets import load_from_disk
    from tuneline.modelling import load_model, load_tokenizer
    from tuneline.pipelines.train.trainer import AdapterTrainer

    reset_peak(task.hardware.device)
    rows = {side: load_from_disk(str(task.rows / side)) for side in ("train", "validation")}
    tokenizer = load_tokenizer(task.recipe)
    model = load_model(task.recipe, task.hardware)
    trainer = AdapterTrainer(
        model, tokenizer, rows, task.run, task.recipe, task.hardware, task.checkpoint
    )
    if task.checkpoint:
        _go_on(trainer, task.checkpoint)
    else:
        _probe(trainer, rows["train"], task)
    trainer.train(resume_from_checkpoint=str(task.checkpoint) if task.checkpoint else None)
    if trainer.is_world_process_zero():
        finish(task.run, _collect_facts(trainer, task.hardware))


def _go_on(trainer: Any, checkpoint: Path) -> None:
    """Take over what the interrupted run had counted."""
    state = orjson.loads((checkpoint / "trainer_state.json").read_bytes())
    last = state["log_history"][-1]
    # TRL counts tokens in a private attribute, and from zero after a resume.
    trainer._total_train_tokens = last["num_tokens"]
    trainer.seconds_before = last["seconds"]
    if trainer.is_world_process_zero():  # it may have been stopped before it had removed them
        remove_old(checkpoint.parent, trainer.keep, state["best_global_step"])
    log.info("Going on after step %s of %s.", state["global_step"], state["max_steps"])


def _probe(trainer: Any, train: Any, task: Task) -> None:
    from tuneline.pipelines.train.probe import check_packing, probe_step

    if task.recipe.packing:
        check_packing(trainer, train, task.hardware)
    probe = probe_step(trainer, train, task.hardware)
    log.info(
        "One step on the longest batch (%s tokens): %.2f s, %.2f GB (the plan says %.2f GB).",
        f"{probe.tokens:,}",
        probe.seconds,
        probe.peak_gb,
        task.planned_gb,
    )


def _collect_facts(trainer: Any, hardware: Hardware) -> dict[str, Any]:
    state = trainer.state
    return {
        # Without the closing summary, which after an interruption is of the last part alone.
        "log": [entry for entry in state.log_history if "train_runtime" not in entry],
        "steps": state.global_step,
        "released_step": state.best_global_step or state.global_step,
        "device": _name_device(hardware),
        "peak_memory_gb": round(measure_peak(hardware.device), 4),
    }


def _name_device(hardware: Hardware) -> str:
    import torch

    return torch.cuda.get_device_name() if hardware.device == "cuda" else hardware.name

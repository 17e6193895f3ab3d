"""A training from start, or from its last checkpoint, to the end."""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from tuneline.errors import TunelineError
from tuneline.examples import Example
from tuneline.models.machine import name_processor
from tuneline.models.memory import measure_peak, reset_peak, return_freed
from tuneline.models.start_adapter import load_weights, read_start
from tuneline.parameters import Hardware, Recipe
from tuneline.training.agreement import agree, note_stopped
from tuneline.training.batches import render_examples
from tuneline.training.best_checkpoint import ALL_THE_WAY, Watch
from tuneline.training.checkpoints import finish, remove_old
from tuneline.training.launch import launch
from tuneline.training.sharding_limits import check_choice
from tuneline.training.validation_answers import list_asked
from tuneline.utils.files import SCRATCH_REMEDY, make_scratch, name_unwritable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What every process of a training needs to know.

    `rows` is a folder with `train` and `validation`, and `asked` where answers choose the
    checkpoint, as `datasets` saves them; `start` are weights of an adapter that is trained further.
    """

    rows: Path
    run: Path
    recipe: Recipe
    hardware: Hardware
    planned_gb: float
    watch: Watch = ALL_THE_WAY
    start: Path | None = None


def train_run(
    run: Path,
    splits: dict[str, list[Example]],
    tokenizer: Any,
    recipe: Recipe,
    hardware: Hardware,
    planned_gb: float,
    watch: Watch,
) -> None:
    """Train from the start, or from the last checkpoint, as far as it is to go.

    The run's folder then holds what `fit` leaves there.

    Raises:
        TunelineError: if something stops it; it goes on from its last checkpoint.
    """
    from datasets import Dataset

    check_choice(run, watch.choice, hardware)
    rows = {name: render_examples(tokenizer, found, recipe) for name, found in splits.items()}
    if watch.choice.metric == "chrf":
        rows["asked"] = Dataset.from_list(list_asked(tokenizer, splits["validation"]))
    with make_scratch() as scratch:
        for name, table in rows.items():
            with name_unwritable(Path(scratch), SCRATCH_REMEDY):
                table.save_to_disk(f"{scratch}/{name}")
        start = _write_start(Path(scratch), recipe)
        task = Task(Path(scratch), run, recipe, hardware, planned_gb, watch, start)
        for refusal in launch(fit, hardware, task):
            if refusal is not None:
                raise refusal


def _write_start(folder: Path, recipe: Recipe) -> Path | None:
    """Write the weights that the training starts from where each of its processes reads them."""
    if recipe.start_from is None:
        return None
    from safetensors.torch import save_file

    path = folder / "start.safetensors"
    with name_unwritable(path, SCRATCH_REMEDY):
        save_file(read_start(recipe.start_from).tensors, path)
    return path


def fit(task: Task) -> TunelineError | None:
    """Train to the end; the run's folder then holds the adapter and `finished.json`.

    A training that rests before its end leaves the checkpoint to go on from.

    Returns:
        What all processes have against it before it starts. They would be started again for an
        error that is raised.
    """
    try:
        checkpoint = agree(task.run, task.hardware)
    except TunelineError as refusal:
        return refusal
    try:
        _train(task, checkpoint)
    except TunelineError as error:
        if task.hardware.machines > 1:
            note_stopped(task.run, error)
        raise
    return None


def _train(task: Task, checkpoint: Path | None) -> None:
    from datasets import load_from_disk
    from tuneline.models.loading import load_model
    from tuneline.models.tokenizer import load_tokenizer

    reset_peak(task.hardware.device)
    folders = sorted(path for path in task.rows.iterdir() if path.is_dir())
    rows = {path.name: load_from_disk(str(path)) for path in folders}
    tokenizer = load_tokenizer(task.recipe)
    is_sharded = task.hardware.is_sharded
    # Divided block by block, a model goes to the GPUs without ever being whole on one of them.
    model = load_model(task.recipe, task.hardware, "cpu" if is_sharded else None)
    return_freed(task.hardware.device)
    trainer = make_trainer(task, model, tokenizer, rows, checkpoint)
    if checkpoint:
        _go_on(trainer, checkpoint, is_sharded)
    else:
        if task.start:
            load_weights(trainer.model, task.start)
        _measure_first(trainer, rows["train"], task)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.is_world_process_zero() and trainer.state.global_step != task.watch.stop_after:
        finish(task.run, _collect_stats(trainer, task.hardware))


def make_trainer(
    task: Task, model: Any, tokenizer: Any, rows: dict[str, Any], checkpoint: Path | None
) -> Any:
    """Make the trainer of the recipe's method: each method is a module of this folder.

    It is a `transformers.Trainer` whose checkpoints hold the adapter; an interrupted run goes on at
    `checkpoint`.
    """
    from tuneline.training.sft import SFTAdapterTrainer

    trainers = {"sft": SFTAdapterTrainer}
    return trainers[task.recipe.method](
        model, tokenizer, rows, task.run, task.recipe, task.hardware, checkpoint, task.watch
    )


def _go_on(trainer: Any, checkpoint: Path, is_sharded: bool) -> None:
    """Take over what the interrupted run had counted; before a model is divided, its adapter."""
    if is_sharded:
        load_weights(trainer.model, checkpoint / "adapter_model.safetensors")
    state = orjson.loads((checkpoint / "trainer_state.json").read_bytes())
    last = state["log_history"][-1]
    # TRL counts tokens in a private attribute, and from zero after a resume.
    trainer._total_train_tokens = last["num_tokens"]
    trainer.seconds_before = last["seconds"]
    if trainer.is_world_process_zero():  # it may have been stopped before it had removed them
        remove_old(checkpoint.parent, trainer.keep, state["best_global_step"])
    log.info("Going on after step %s of %s.", state["global_step"], state["max_steps"])


def _measure_first(trainer: Any, train: Any, task: Task) -> None:
    """Measure a step: now, or, as it takes a divided model, once that is divided."""
    if not task.hardware.is_sharded:
        _probe(trainer, train, task)
        return
    from tuneline.training.callbacks import BeforeFirstStep

    trainer.add_callback(BeforeFirstStep(lambda: _probe(trainer, train, task)))


def _probe(trainer: Any, train: Any, task: Task) -> None:
    from tuneline.training.probe import check_packing, probe_step

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


def _collect_stats(trainer: Any, hardware: Hardware) -> dict[str, Any]:
    state = trainer.state
    return {
        # Without the closing summary, which after an interruption is of the last part alone.
        "log": [entry for entry in state.log_history if "train_runtime" not in entry],
        "steps": state.global_step,
        "released_step": state.best_global_step or state.global_step,
        "best_checkpoint": asdict(trainer.watch.choice),
        "device": name_processor(hardware.device),
        "peak_memory_gb": round(measure_peak(hardware.device), 4),
    }

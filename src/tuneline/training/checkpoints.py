"""Checkpoints that can be trusted after a kill at any moment.

A checkpoint counts once it is sealed: all of its files are on the disk, and their SHA-256 are in a
file that was written last. Each run has a folder of its own, named after what decides its outcome,
so that a run with other inputs neither resumes from it nor writes over it.
"""

import logging
import shutil
from pathlib import Path
from typing import Any

import orjson

from tuneline.errors import TunelineError
from tuneline.models.run_differences import RunInputs, counts_for_run, find_differences, name_run
from tuneline.utils.files import flush_files
from tuneline.utils.hashing import check_files, hash_all, read_sealed, write_sealed

log = logging.getLogger(__name__)

SEAL, INPUTS, FINISHED = "sealed.json", "inputs.json", "finished.json"
REMEDY = "nothing to do: the training goes on from the checkpoint before, or from the start"


def open_run(root: Path, inputs: RunInputs) -> Path:
    """Open the folder of a run, and name the unfinished ones that it does not go on with."""
    folder = root / name_run(inputs)
    write_sealed(folder / INPUTS, {**inputs})  # makes the folder, too
    for other in sorted(root.glob(f"*/{INPUTS}")):
        if other.parent != folder and not (other.parent / FINISHED).exists():
            _name_differences(other, inputs)
    return folder


def find_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint to go on from, and remove what cannot be gone on from.

    That is what a kill left unsealed, what is not what was sealed, and what comes after a best
    checkpoint that is broken: it is made again.
    """
    found = None
    for checkpoint in reversed(list_checkpoints(folder)):
        if found is None and _can_go_on(checkpoint):
            found = checkpoint
        elif found is None or not (checkpoint / SEAL).exists():
            _remove(checkpoint)
    return found


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint whole, once all of its bytes are on the disk."""
    flush_files(checkpoint)
    write_sealed(checkpoint / SEAL, hash_all(checkpoint))


def is_whole(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is sealed, and still what was sealed; say what is broken."""
    if not (checkpoint / SEAL).exists():
        return False
    try:
        hashes = read_sealed(checkpoint / SEAL, REMEDY)
        check_files(checkpoint, hashes, REMEDY)
    except TunelineError as error:
        log.warning("%s", error)
        return False
    return True


def remove_old(folder: Path, limit: int | None, best_step: int | None) -> None:
    """Remove all but the newest `limit` checkpoints and the best one, which is to be released."""
    for checkpoint in list_checkpoints(folder)[: -limit if limit else 0]:
        if read_step(checkpoint) != best_step:
            _remove(checkpoint)


def finish(folder: Path, stats: dict[str, Any]) -> None:
    """Note that a run is through, with what was measured."""
    write_sealed(folder / FINISHED, stats)


def read_finished(folder: Path) -> dict[str, Any] | None:
    """Read what was measured, if the run is through and the checkpoint to release is whole."""
    path = folder / FINISHED
    if not path.exists():
        return None
    try:
        stats = read_sealed(path, REMEDY)
    except TunelineError as error:
        log.warning("%s", error)
        return None
    return stats if is_whole(folder / f"checkpoint-{stats['released_step']}") else None


def _can_go_on(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is whole, and the best one so far, which may be released, too."""
    if not is_whole(checkpoint):
        return False
    state = orjson.loads((checkpoint / "trainer_state.json").read_bytes())
    best = checkpoint.with_name(f"checkpoint-{state['best_global_step'] or read_step(checkpoint)}")
    return best == checkpoint or is_whole(best)


def _remove(checkpoint: Path) -> None:
    (checkpoint / SEAL).unlink(missing_ok=True)  # a half removed checkpoint must not look whole
    shutil.rmtree(checkpoint)


def _name_differences(other: Path, inputs: RunInputs) -> None:
    try:
        theirs: Any = read_sealed(other, "delete the folder, if nobody goes on with that run")
    except TunelineError as error:
        log.warning("%s", error)
        return
    changed = [
        f"{one.name} = {one.recorded!r} there, {one.now!r} here"
        for one in find_differences(theirs, inputs, counts_for_run)
    ]
    log.warning(
        "%s holds an unfinished run with other inputs (%s); it is left as it is. Run with its "
        "inputs to go on with it, or delete the folder.",
        other.parent,
        "; ".join(changed),
    )


def list_checkpoints(folder: Path) -> list[Path]:
    """List a run's checkpoints, whole or not, in the order of their steps."""
    return sorted(folder.glob("checkpoint-*"), key=read_step)


def read_step(checkpoint: Path) -> int:
    """Read the step off the name of a checkpoint."""
    return int(checkpoint.name.removeprefix("checkpoint-"))

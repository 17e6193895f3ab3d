"""Checkpoints that can be trusted after a kill at any moment.

A checkpoint counts once it is sealed: all of its files are on the disk, and their sizes stand in a
file that was written last. Each run has a folder of its own, named after what decides its outcome,
so that a run with other inputs neither resumes from it nor writes over it.
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import orjson

from tuneline.files import replace_whole
from tuneline.hashing import hash_value

log = logging.getLogger(__name__)

SEAL, INPUTS, FINISHED = "sealed.json", "inputs.json", "finished.json"


def open_run(root: Path, inputs: dict[str, Any]) -> Path:
    """Open the folder of a run, and name the unfinished ones that it does not go on with.

    Args:
        root: folder of all runs of a use case.
        inputs: what decides the outcome, by name.

    Returns:
        The run's folder.
    """
    folder = root / hash_value(inputs)[:12]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / INPUTS, inputs)
    for other in sorted(root.glob(f"*/{INPUTS}")):
        if other.parent != folder and not (other.parent / FINISHED).exists():
            _name_differences(other, inputs)
    return folder


def find_checkpoint(folder: Path) -> Path | None:
    """Find the newest sealed checkpoint, and remove what a kill left unsealed.

    Args:
        folder: the run's folder.

    Returns:
        The checkpoint to go on from, or `None`.
    """
    found = None
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=_step):
        if is_sealed(checkpoint):
            found = checkpoint
        else:
            log.warning("%s was not written to its end; it is removed.", checkpoint.name)
            shutil.rmtree(checkpoint)
    return found


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint whole, once all of its bytes are on the disk."""
    sizes = {}
    for path in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sizes[str(path.relative_to(checkpoint))] = path.stat().st_size
    _write(checkpoint / SEAL, sizes)


def is_sealed(checkpoint: Path) -> bool:
    """Tell whether a checkpoint is whole: sealed, and every file as long as it was then."""
    seal_file = checkpoint / SEAL
    if not seal_file.exists():
        return False
    sizes = orjson.loads(seal_file.read_bytes())
    return all(
        (checkpoint / name).is_file() and (checkpoint / name).stat().st_size == size
        for name, size in sizes.items()
    )


def remove_old(folder: Path, limit: int | None, best_step: int | None) -> None:
    """Remove all but the newest checkpoints and the best one.

    Args:
        folder: the run's folder.
        limit: how many of the newest to keep; `None` for all.
        best_step: step of the checkpoint that is to be released.
    """
    checkpoints = sorted(folder.glob("checkpoint-*"), key=_step)
    for checkpoint in checkpoints[: -limit if limit else 0]:
        if _step(checkpoint) != best_step:
            (checkpoint / SEAL).unlink()  # a half removed checkpoint must not look whole
            shutil.rmtree(checkpoint)


def finish(folder: Path, facts: dict[str, Any]) -> None:
    """Note that a run is through, with what was measured."""
    _write(folder / FINISHED, facts)


def read_finished(folder: Path) -> dict[str, Any] | None:
    """Read what was measured, if the run is through and the checkpoint to release is whole."""
    path = folder / FINISHED
    if not path.exists():
        return None
    facts: dict[str, Any] = orjson.loads(path.read_bytes())
    return facts if is_sealed(folder / f"checkpoint-{facts['released_step']}") else None


def _name_differences(other: Path, inputs: dict[str, Any]) -> None:
    theirs = orjson.loads(other.read_bytes())
    changed = [
        f"{name} = {theirs.get(name)!r} there, {inputs.get(name)!r} here"
        for name in sorted(theirs.keys() | inputs.keys())
        if theirs.get(name) != inputs.get(name)
    ]
    log.warning(
        "%s holds an unfinished run with other inputs (%s); it is left as it is. Run with its "
        "inputs to go on with it, or delete the folder.",
        other.parent,
        "; ".join(changed),
    )


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))


def _write(path: Path, value: dict[str, Any]) -> None:
    with replace_whole(path) as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))

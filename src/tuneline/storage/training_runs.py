"""A project's own checkpoints and adapters, and what killed runs have left."""

import logging
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuneline.errors import TunelineError
from tuneline.hub.cleanup import Removable
from tuneline.models.run_differences import name_run
from tuneline.training.checkpoints import INPUTS, read_finished
from tuneline.utils.disks import count_bytes, lies_within, shorten_path
from tuneline.utils.files import find_partials, find_scratch
from tuneline.utils.hashing import PROVENANCE, order_versions, read_sealed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A folder of checkpoints.

    `finished`: the training is through and the checkpoint to release is whole; `adapter` is the
    version that came out of it, if it is saved.
    """

    folder: Path
    size: int
    finished: bool
    adapter: Path | None


def list_adapters(root: Path) -> list[Path]:
    """List the versions of a use case's adapter: folders with whole adapters, the newest last."""
    folders = {
        path.parents[1].name: path.parent
        for path in root.glob("*/*/provenance.json")
        if (path.parent / "adapter_model.safetensors").is_file()
    }
    return [folders[name] for name in order_versions(root, folders)]


def list_runs(checkpoints: Path, adapters: Iterable[Path]) -> list[Run]:
    """List the runs of a use case."""
    read = ((path, _read(path / PROVENANCE)) for path in adapters)
    came_out = {name_run(record): path for path, record in read if record}
    return [
        Run(
            folder=path.parent,
            size=count_bytes(path.parent),
            finished=read_finished(path.parent) is not None,
            adapter=came_out.get(path.parent.name),
        )
        for path in sorted(checkpoints.glob(f"*/{INPUTS}"))
    ]


def find_removable_runs(runs: Iterable[Run], data: Path) -> Iterator[Removable]:
    """Find the finished runs whose adapter is saved, so that nobody needs their checkpoints.

    Nothing outside of `data` is offered.
    """
    for run in runs:
        if run.finished and run.adapter and lies_within(run.folder, data):
            yield Removable(
                name=f"checkpoints {run.folder.parents[1].name}/{run.folder.name}",
                size=run.size,
                reason=f"the training is through, its adapter is saved ({run.adapter.parent.name})",
                remove=_make_removal(run.folder),
            )


def find_left(data: Path) -> Iterator[Removable]:
    """Find what killed processes have left: no other process reads it or writes to it.

    These are half-written files and folders, and temporary folders of this machine.
    """
    for path in (*find_partials(data), *find_scratch()):
        yield Removable(
            name=str(shorten_path(path)),
            size=count_bytes(path),
            reason="left by a process that is no more",
            remove=_make_removal(path),
        )


def summarize_run(run: Run) -> str:
    """Say in a few words how far a run is."""
    if not run.finished:
        return "unfinished; the same command goes on with it"
    return "finished, its adapter is saved" if run.adapter else "finished, no adapter"


def _make_removal(path: Path) -> Any:
    # It removes symbolic links, and follows none.
    return lambda: shutil.rmtree(path) if path.is_dir() else path.unlink()


def _read(path: Path) -> Any:
    """Read a record; nothing where it is broken, which is said: what else there is still shows."""
    try:
        return read_sealed(path, "make it again, or delete its folder")
    except TunelineError as error:
        log.warning("%s", error)
        return None

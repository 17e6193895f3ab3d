"""The files of a dataset, and stamps that tell whether one of them has changed.

Files are told by size, time of change, time of the change of their entry, and place on the disk.
No program can set the third back, and what is recorded is recorded only once the last change is
older than the clock's grain (`wait_for_clock`), so that a later one cannot have the same time.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from kedro.io import DataCatalog

from tuneline.utils.disks import find_path

# Longer than the time between two ticks of the clock that files get their times from.
GRAIN_NS = 50_000_000
SECOND_NS = 1_000_000_000

Stamps = dict[str, list[int] | None]


class UncertainError(Exception):
    """Whether something has changed cannot be told."""


def list_files(name: str, catalog: DataCatalog) -> Iterator[str]:
    """List the files of a dataset; one that is not there is listed, too.

    Raises:
        UncertainError: if they lie elsewhere than on this machine's disks.
    """
    place = find_path(catalog, name)
    if place is None or "::" in place or "://" in place.removeprefix("file://"):
        raise UncertainError(name)
    path = Path(place.removeprefix("file://"))
    if "*" in place:
        root = Path(place.partition("*")[0]).parent
        found = list(root.glob(str(path.relative_to(root))))
    elif path.is_dir():
        found = list(path.glob(getattr(catalog.get(name), "_pattern", "**/*")))
    else:
        found = [path]
    for one in found:
        if not one.name.startswith(".") and not _holds_listed(one):
            yield str(one)


def _holds_listed(path: Path) -> bool:
    """Tell whether a path is a folder whose files are listed, too: a link's are not."""
    try:
        return path.is_dir() and not path.is_symlink() and any(path.iterdir())
    except PermissionError:  # nobody has seen what is in it
        return False


def stamp(paths: set[str]) -> Stamps:
    """Stamp files: size, both times in nanoseconds, and number on the disk; None of one not there.

    Raises:
        UncertainError: if the disk keeps no exact times.
    """
    stamps: Stamps = {}
    for path in sorted(paths):
        try:
            state = Path(path).stat()
        except FileNotFoundError:
            stamps[path] = None
            continue
        if state.st_ctime_ns % SECOND_NS == 0:  # this disk keeps whole seconds, or no such time
            raise UncertainError(path)
        stamps[path] = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino]
    return stamps


def wait_for_clock(stamps: Stamps) -> None:
    """Wait until a change from now on would have a later time than all that are recorded.

    Raises:
        UncertainError: if one of them is later than now.
    """
    last = max((max(one[1:3]) for one in stamps.values() if one), default=0)
    left = GRAIN_NS - (time.time_ns() - last)
    if 0 < left <= GRAIN_NS:
        time.sleep(left / SECOND_NS)
    elif left > GRAIN_NS:
        raise UncertainError("a file is from the future")

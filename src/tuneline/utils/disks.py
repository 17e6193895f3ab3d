"""Volumes: the disks that folders lie on, and what is free there."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.io import AbstractVersionedDataset, DataCatalog


@dataclass(frozen=True)
class Volume:
    """The disk that a folder lies on, or will; equal numbers of `device` are the same disk."""

    folder: Path
    mount: Path
    device: int
    free: int


def measure_volume(folder: Path) -> Volume:
    """Measure the disk on which a folder lies, or on which it will be made."""
    path = Path(os.path.realpath(folder))  # a link may lead to another disk
    there = next(one for one in (path, *path.parents) if one.exists())
    mount = next(one for one in (there, *there.parents) if os.path.ismount(one))
    return Volume(folder, mount, there.stat().st_dev, shutil.disk_usage(there).free)


def count_missing(
    needed: Mapping[str, float], volumes: Mapping[str, int], free: Mapping[str, float]
) -> dict[str, float]:
    """Count what is missing on each disk, where several things may go to one.

    By purpose, space that is needed and free in one unit, and the disk, equal numbers being the
    same; gives how much more is needed there, 0 if it fits.
    """
    on_volume: dict[int, float] = {}
    for purpose, volume in volumes.items():
        on_volume[volume] = on_volume.get(volume, 0.0) + needed[purpose]
    return {
        purpose: max(0.0, on_volume[volume] - free[purpose]) for purpose, volume in volumes.items()
    }


def find_temporary_folder() -> Path:
    """Find the folder for temporary files.

    Python tries whether it can write there, and finds none where all of them are full.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - its disk is measured only


def count_bytes(folder: Path) -> int:
    """Add up the files of a folder, or of one file; symbolic links are not followed."""
    if not folder.is_dir():
        return folder.lstat().st_size
    return sum(
        (Path(parent) / name).lstat().st_size
        for parent, _, names in os.walk(folder)
        for name in names
    )


def lies_within(path: Path, root: Path) -> bool:
    """Tell whether a path really lies under a folder: no link on the way leads out.

    Removing the path, or the link it is, then removes something of this folder alone.
    """
    return path.name != ".." and path.parent.resolve().is_relative_to(root.resolve())


def format_bytes(count: float) -> str:
    """Word a number of bytes in decimal units: 7.6 GB, 4.8 MB, 12 kB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:.0f} bytes"


def find_path(catalog: DataCatalog, name: str) -> str | None:
    """Find a dataset's file or folder; of a versioned one that exists, the latest version.

    None of one in memory.
    """
    dataset: Any = catalog.get(name)
    # Kedro offers no public name for any of the three.
    if isinstance(dataset, AbstractVersionedDataset) and dataset.exists():
        return str(dataset._get_load_path())
    path = getattr(dataset, "_filepath", None) or getattr(dataset, "_path", None)
    return None if path is None else str(path)


def locate(catalog: DataCatalog, name: str) -> str:
    """Word where a dataset is: its path from the folder one is in, where it can; else its name."""
    return str(shorten_path(Path(find_path(catalog, name) or name)))


def find_root(catalog: DataCatalog, name: str) -> Path:
    """Find the file or folder of a dataset; of a versioned one, the folder of its versions."""
    dataset: Any = catalog.get(name)
    return Path(dataset._filepath)  # see `find_path`


def shorten_path(path: Path) -> Path:
    """Write a path from the folder one is in, where it lies under it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

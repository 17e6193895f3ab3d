"""Writing files and folders so that a reader sees the old or the whole new one, never a part."""

import glob
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tuneline.disk import name_unwritable
from tuneline.volumes import find_temporary_folder

REMEDY = "free space there, or let `data` in the environment's globals.yml name another disk"
SCRATCH_REMEDY = "free space there, or let the environment variable TMPDIR name another disk"
PARTIAL = re.compile(r"\..+\.(\d+)-\d+\.partial")
SCRATCH = re.compile(r"tuneline-(\d+)-.+")


@contextmanager
def replace_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place once the block has ended well.

    Args:
        path: the file to make or to replace.

    Yields:
        A binary file to write to.
    """
    with replace_by_name(path) as partial, partial.open("wb") as file:
        yield file


@contextmanager
def replace_by_name(path: Path) -> Iterator[Path]:
    """Name a file beside `path` that takes its place once the block has ended well.

    For writers that open the file themselves.

    Args:
        path: the file to make or to replace.

    Yields:
        Where to write; nothing is there yet.

    Raises:
        TunelineError: if the disk is full or read-only, or a folder lies there.
    """
    with name_unwritable(path, REMEDY):
        partial = _name_partial(path)
        try:
            yield partial
            _flush(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def replace_whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside `path` that takes its place once the block has ended well.

    Args:
        path: the folder to make or to replace.

    Yields:
        An empty folder to write into.

    Raises:
        TunelineError: if the disk is full or read-only, or a file lies there.
    """
    with name_unwritable(path, REMEDY):
        partial, old = _name_partial(path), _name_partial(path)
        partial.mkdir()
        try:
            yield partial
            flush_files(partial)
            if path.is_dir():
                # Under its own name, a folder that is being removed would look like a whole one.
                path.rename(old)
            partial.rename(path)
        finally:
            if old.is_dir() and not path.exists():
                old.rename(path)  # stopped between the two
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def flush_files(folder: Path) -> None:
    """Have the system write all files of a folder to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            _flush(path)


def make_scratch() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for what is not kept, where the system keeps such things.

    What killed processes left there is removed before.

    Raises:
        TunelineError: if that disk is full or read-only.
    """
    for left in find_scratch():
        shutil.rmtree(left, ignore_errors=True)
    folder = find_temporary_folder()
    with name_unwritable(folder, SCRATCH_REMEDY):
        return tempfile.TemporaryDirectory(prefix=f"tuneline-{os.getpid()}-", dir=folder)


def find_scratch() -> list[Path]:
    """Find the scratch folders of processes that are no more."""
    found = find_temporary_folder().glob("tuneline-*")
    return sorted(path for path in found if _is_left(SCRATCH, path) and path.is_dir())


def find_partials(root: Path) -> list[Path]:
    """Find what processes that are no more have left half-written, anywhere under a folder."""
    return sorted(path for path in root.rglob(".*.partial") if _is_left(PARTIAL, path))


_numbers = itertools.count()


def _name_partial(path: Path) -> Path:
    """Name what no other writer writes to; remove what processes that were killed have left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        if _is_left(PARTIAL, left):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.partial")


def _is_left(pattern: re.Pattern[str], path: Path) -> bool:
    """Tell by its name whether the process that made something is no more."""
    import psutil

    process = pattern.fullmatch(path.name)
    return process is not None and not psutil.pid_exists(int(process[1]))


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

"""Writing files and folders so that a reader sees the old or the whole new one, never a part."""

import glob
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tuneline.disk import name_full_disk

REMEDY = "free space there, or let `data` in the environment's globals.yml name another disk"


@contextmanager
def replace_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place once the block has ended well.

    Args:
        path: the file to make or to replace.

    Yields:
        A binary file to write to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _name_partial(path)
    try:
        with name_full_disk(path, REMEDY), partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
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
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _name_partial(path)
    partial.mkdir()
    try:
        with name_full_disk(path, REMEDY):
            yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


_numbers = itertools.count()


def _name_partial(path: Path) -> Path:
    """Name what no other writer writes to; remove what processes that were killed have left."""
    import psutil

    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        process = re.fullmatch(r"\.(\d+)-\d+\.partial", left.name.removeprefix(f".{path.name}"))
        if process and not psutil.pid_exists(int(process[1])):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.partial")

"""Writing files and folders so that a reader sees the old or the whole new one, never a part."""

import os
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
    partial = path.with_name(f".{path.name}.partial")
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
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        with name_full_disk(path, REMEDY):
            yield partial
        shutil.rmtree(path, ignore_errors=True)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)

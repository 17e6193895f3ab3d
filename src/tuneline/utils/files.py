"""Writing files and folders so that a reader sees the old or the whole new one, never a part."""

import errno
import glob
import itertools
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tuneline.errors import Problem, TunelineError
from tuneline.utils.disks import find_temporary_folder

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
OTHER_KIND = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
# How torch's writer ends when its bytes have no room: it counts them, and names no reason
# (caffe2/serialize/inline_container.cc).
TORCH_CUT = re.compile(r"inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+")
REMEDY = "free space there, or let `data` in the environment's globals.yml name another disk"
SCRATCH_REMEDY = "free space there, or let the environment variable TMPDIR name another disk"
PARTIAL = re.compile(r"\..+\.(\d+)-\d+(?:@(?P<machine>.+))?\.partial")
SCRATCH = re.compile(r"tuneline-(\d+)-.+")
# A disk may be shared: whether another machine's process is at work shows in its file alone.
IDLE_SECONDS = 24 * 60 * 60
# Of a name of up to 255: the host's has up to 64.
NAME_BYTES = 120
_numbers = itertools.count()


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that a disk takes no more.

    polars and the libraries in Rust raise errors without a number, torch without a reason.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    text = str(error)
    return any(os.strerror(number) in text for number in FULL) or bool(TORCH_CUT.search(text))


@contextmanager
def name_unwritable(path: Path, remedy: str) -> Iterator[None]:
    """Say why a disk does not take a file: it is full, read-only, or something else lies there.

    Raises:
        TunelineError: instead of the system's error, or of what a library has made of it.
    """
    try:
        yield
    except TunelineError:
        raise
    except Exception as error:  # tokenizers raises nothing more particular
        problem = _make_problem(path, remedy, error)
        if problem is None:
            raise
        raise TunelineError(problem) from error


@contextmanager
def name_unreadable(path: Path, remedy: str) -> Iterator[None]:
    """Say that a file is not what was written there, whatever its reader makes of that.

    Raises:
        TunelineError: instead of what a library has raised. A path where nothing is, is not named:
            what is missing is found before a run.
    """
    try:
        yield
    except TunelineError:
        raise
    except Exception as error:  # each format has its own ways to be broken
        if isinstance(error, FileNotFoundError) and not path.exists():
            raise
        missing = error.filename if isinstance(error, FileNotFoundError) else None
        raise TunelineError(
            Problem(
                where=str(path),
                wrong=f"it has no {missing}" if missing else f"it cannot be read ({_say(error)})",
                matters="it was cut off, damaged or changed since it was written",
                remedy=remedy,
            )
        ) from error


def _make_problem(path: Path, remedy: str, error: Exception) -> Problem | None:
    if is_full(error):
        wrong, matters = "the disk takes no more", "nothing half-written takes a good file's place"
    elif _refuses(error, NOT_ALLOWED, path):
        wrong, matters = "it must not be written", "what a run makes could not be kept"
        remedy = "allow this user to write there, or let `data` in globals.yml name another folder"
    elif _refuses(error, OTHER_KIND, path):
        wrong = "a folder lies where a file should be, or a file where a folder should be"
        matters, remedy = "neither is removed without being asked", "move it away"
    else:
        return None
    return Problem(str(path), f"{wrong} ({_say(error)})", matters, remedy)


def _refuses(error: Exception, numbers: tuple[int, ...], path: Path) -> bool:
    """Tell whether an error is about what is written: what is read meanwhile may fail, too."""
    if not isinstance(error, OSError) or error.errno not in numbers or error.filename is None:
        return False
    named = Path(os.fsdecode(error.filename))
    return named.is_relative_to(path.parent) or path.is_relative_to(named)


def _say(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


@contextmanager
def replace_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file next to `path` that takes its place once the block has ended well."""
    with replace_by_name(path) as partial, partial.open("wb") as file:
        yield file


@contextmanager
def replace_by_name(path: Path) -> Iterator[Path]:
    """Name a file next to `path` that takes its place once the block has ended well.

    For writers that open the file themselves.

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
    """Make an empty folder next to `path` that takes its place once the block has ended well.

    Raises:
        TunelineError: if the disk is full or read-only, or a file lies there.
    """
    with name_unwritable(path, REMEDY):
        partial = _name_partial(path)
        partial.mkdir()
        try:
            yield partial
            move_folder(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def move_file(file: Path, path: Path) -> None:
    """Put a finished file, flushed as `replace_whole` leaves it, in its place.

    Raises:
        TunelineError: if the disk is read-only, or a folder lies there.
    """
    with name_unwritable(path, REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        file.replace(path)


def move_folder(folder: Path, path: Path) -> None:
    """Put a finished folder in the place of another one, or where none is yet.

    Raises:
        TunelineError: if the disk is full or read-only, or a file lies there.
    """
    with name_unwritable(path, REMEDY):
        old = _name_partial(path)
        try:
            flush_files(folder)
            if path.is_dir():
                # Under its own name, a folder that is being removed would look like a whole one.
                path.rename(old)
            folder.rename(path)
        finally:
            if old.is_dir() and not path.exists():
                old.rename(path)  # stopped between the two
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


def _name_partial(path: Path) -> Path:
    """Name what no other writer writes to; remove what processes that were killed have left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.name.encode()[:NAME_BYTES].decode(errors="ignore")
    for left in path.parent.glob(f".{glob.escape(name)}.*.partial"):
        if _is_left(PARTIAL, left):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    writer = f"{os.getpid()}-{next(_numbers)}@{platform.node()}"
    return path.with_name(f".{name}.{writer}.partial")


def _is_left(pattern: re.Pattern[str], path: Path) -> bool:
    """Tell by its name whether the process that made something is no more."""
    import psutil

    made = pattern.fullmatch(path.name)
    if made is None:
        return False
    machine = made.groupdict().get("machine")
    if machine in (None, platform.node()):
        return not psutil.pid_exists(int(made[1]))
    with suppress(FileNotFoundError):  # its own process has ended well
        return time.time() - path.stat().st_mtime > IDLE_SECONDS
    return False


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

"""What a disk refuses, said in words."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuneline.errors import Problem, TunelineError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
OTHER_KIND = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST)
# How torch's writer ends when its bytes have no room: it counts them, and names no reason
# (caffe2/serialize/inline_container.cc).
TORCH_CUT = re.compile(r"inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+")


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that a disk takes no more.

    polars and the libraries in Rust raise errors without a number, torch without a reason.
    """
    return _means(error, FULL) or bool(TORCH_CUT.search(str(error)))


@contextmanager
def name_unwritable(path: Path, remedy: str) -> Iterator[None]:
    """Say why a disk does not take a file: it is full, read-only, or something else lies there.

    Args:
        path: what is written.
        remedy: what to do on a full disk.

    Raises:
        TunelineError: instead of the system's error, or of what a library has made of it.
    """
    try:
        yield
    except TunelineError:
        raise
    except Exception as error:  # tokenizers raises nothing more particular
        problem = _word(path, remedy, error)
        if problem is None:
            raise
        raise TunelineError(problem) from error


@contextmanager
def name_unreadable(path: Path, remedy: str) -> Iterator[None]:
    """Say that a file is not what was written there, whatever its reader makes of that.

    Args:
        path: what is read.
        remedy: what to do.

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


def _word(path: Path, remedy: str, error: Exception) -> Problem | None:
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


def _means(error: BaseException, numbers: tuple[int, ...]) -> bool:
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    return any(os.strerror(number) in str(error) for number in numbers)


def _refuses(error: Exception, numbers: tuple[int, ...], path: Path) -> bool:
    """Tell whether an error is about what is written: what is read meanwhile may fail, too."""
    if not isinstance(error, OSError) or error.errno not in numbers or error.filename is None:
        return False
    named = Path(os.fsdecode(error.filename))
    return named.is_relative_to(path.parent) or path.is_relative_to(named)


def _say(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__

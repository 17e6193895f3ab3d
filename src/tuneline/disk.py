"""A disk that takes no more, said in words."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuneline.errors import Problem, TunelineError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# How torch's writer ends when its bytes have no room: it counts them, and names no reason
# (caffe2/serialize/inline_container.cc).
TORCH_CUT = re.compile(r"inline_container\.cc:\d+\] \. unexpected pos \d+ vs \d+")


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that a disk takes no more.

    polars and the libraries in Rust raise errors without a number, torch without a reason.
    """
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    words = str(error)
    return bool(TORCH_CUT.search(words)) or any(os.strerror(number) in words for number in FULL)


@contextmanager
def name_full_disk(path: Path, remedy: str) -> Iterator[None]:
    """Say which disk is full if writing to it fails.

    Args:
        path: what is written.
        remedy: what to do.

    Raises:
        TunelineError: instead of the system's error, or of what a library has made of it.
    """
    try:
        yield
    except TunelineError:
        raise
    except Exception as error:  # tokenizers raises nothing more particular
        if not is_full(error):
            raise
        said = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise TunelineError(
            Problem(
                where=str(path),
                wrong=f"the disk takes no more ({said})",
                matters="nothing half-written takes the place of a good file",
                remedy=remedy,
            )
        ) from error

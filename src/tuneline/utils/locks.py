"""One run at a time writes the files of a stage: locks that end with their process."""

import errno
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.utils.files import REMEDY, name_unwritable, replace_whole

if TYPE_CHECKING:
    from filelock import BaseFileLock

log = logging.getLogger(__name__)

# How a disk answers that knows no locks; filelock says it of a whole system.
WITHOUT_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS}


def hold(folder: Path, name: str) -> "BaseFileLock":
    """Hold what one run at a time may write to; wait for the run that holds it.

    The system releases a lock when its process ends, however it ends.

    Raises:
        TunelineError: if this user may not write there.
    """
    from filelock import FileLock, Timeout

    # A soft lock would outlive its process.
    lock = FileLock(folder / f"{name}.lock", fallback_to_soft=False)
    holder = folder / f"{name}.txt"
    with name_unwritable(folder, REMEDY):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = _read_holder(folder, name)
            log.warning("Another run of %s writes its files (%s): waiting for it.", name, who)
            lock.acquire()
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in WITHOUT_LOCKS:
                raise
            log.warning("%s is on a disk without locks: start one run at a time.", folder)
            return lock
        with replace_whole(holder) as file:
            file.write(f"process {os.getpid()}, since {datetime.now():%H:%M:%S}".encode())
    return lock


def find_holder(folder: Path, name: str) -> str | None:
    """Find the process that holds what `hold` holds, and its start, as noted there.

    None if nobody holds it, or this user or disk cannot tell.
    """
    from filelock import FileLock, Timeout

    path = folder / f"{name}.lock"
    if not path.is_file():
        return None
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read_holder(folder, name)
    except (NotImplementedError, OSError):
        return None
    lock.release()
    return None


def _read_holder(folder: Path, name: str) -> str:
    holder = folder / f"{name}.txt"
    return holder.read_text("utf-8") if holder.is_file() else "another process"

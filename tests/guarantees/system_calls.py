"""Every change of a file that a process asks the system for, held until somebody decides.

A filter of system calls (seccomp with user notification, Linux 5.5 and later) hands each call that
makes, writes, names or removes a file to the process that watches, and the caller waits meanwhile:
whoever writes, in Python, Rust or C++, and in whatever thread. The watcher lets the call through,
kills the caller before it, or answers that the disk is full.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

AVAILABLE = sys.platform == "linux" and platform.machine() == "x86_64"

# Number of the call on x86-64, what it does, and which argument is an open file, or a path after
# the argument that is a folder (None: seen from where the process is).
OPEN_FILE, PATH = "open file", "path"
CALLS: dict[int, tuple[str, str, int, int | None]] = {
    1: ("write", OPEN_FILE, 0, None),
    18: ("write", OPEN_FILE, 0, None),  # pwrite64
    20: ("write", OPEN_FILE, 0, None),  # writev
    296: ("write", OPEN_FILE, 0, None),  # pwritev
    328: ("write", OPEN_FILE, 0, None),  # pwritev2
    40: ("write", OPEN_FILE, 0, None),  # sendfile
    326: ("write", OPEN_FILE, 2, None),  # copy_file_range
    77: ("resize", OPEN_FILE, 0, None),  # ftruncate
    285: ("resize", OPEN_FILE, 0, None),  # fallocate
    74: ("sync", OPEN_FILE, 0, None),  # fsync
    75: ("sync", OPEN_FILE, 0, None),  # fdatasync
    76: ("resize", PATH, 0, None),  # truncate
    2: ("open", PATH, 0, None),
    257: ("open", PATH, 1, 0),  # openat
    85: ("open", PATH, 0, None),  # creat
    82: ("rename", PATH, 1, None),
    264: ("rename", PATH, 3, 2),  # renameat
    316: ("rename", PATH, 3, 2),  # renameat2
    87: ("remove", PATH, 0, None),  # unlink
    84: ("remove", PATH, 0, None),  # rmdir
    263: ("remove", PATH, 1, 0),  # unlinkat
    83: ("folder", PATH, 0, None),  # mkdir
    258: ("folder", PATH, 1, 0),  # mkdirat
    86: ("link", PATH, 1, None),
    265: ("link", PATH, 3, 2),  # linkat
    88: ("link", PATH, 1, None),  # symlink
    266: ("link", PATH, 2, 1),  # symlinkat
}
# What a full disk refuses: bytes, and the blocks of a new folder. Names it still takes.
REFUSED_WHEN_FULL = ("write", "resize", "folder", "sync")

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
AT_CWD = 0xFFFFFF9C
LOAD, EQUAL, GREATER, ANY_BIT, JUMP, ANSWER = 0x20, 0x15, 0x25, 0x45, 0x05, 0x06
ALLOW, ASK = 0x7FFF0000, 0x7FC00000
X86_64 = 0xC000003E
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
SECCOMP, SET_FILTER, NEW_LISTENER, NO_NEW_PRIVILEGES = 317, 1, 8, 38


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def _write_filter() -> bytes:
    """Ask about the calls above; not about reading, nor about what goes to the terminal."""
    steps = [_step(LOAD, 4), _step(EQUAL, X86_64, 1, 0), _step(ANSWER, ALLOW), _step(LOAD, 0)]
    for number, (what, kind, position, _) in CALLS.items():
        if what == "open" and number != 85:
            flags = 16 + 8 * (position + 1)
            body = [_step(LOAD, flags), _step(ANY_BIT, WRITING, 0, 1)]
        elif kind == OPEN_FILE:
            body = [_step(LOAD, 16 + 8 * position), _step(GREATER, 2, 0, 1)]
        else:
            body = []
        body += [_step(ANSWER, ASK), _step(ANSWER, ALLOW)]
        steps += [_step(EQUAL, number, 0, len(body)), *body]
    return b"".join([*steps, _step(ANSWER, ALLOW)])


def install_filter() -> int:
    """Let this process, its threads and its children be watched from here on.

    Returns:
        An open file that the watcher needs.
    """
    system = ctypes.CDLL(None, use_errno=True)
    steps = _write_filter()
    kept = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("HxxxxxxQ", len(steps) // 8, ctypes.addressof(kept))
    if system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    listener = system.syscall(SECCOMP, SET_FILTER, NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(listener)


@dataclass(frozen=True)
class Call:
    """A call that waits for an answer: what it does, and to which file."""

    what: str
    path: Path
    process: int


def answer_calls(listener: int, decide: Callable[[Call], bool]) -> None:
    """Answer every call until the last process that is watched has ended.

    Args:
        listener: what `install_filter` gave.
        decide: is called before a call happens; false means that the disk is full.
    """
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        (_, ready), *_ = poll.poll()
        if not ready & select.POLLIN:
            return
        asked = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, asked)
        except OSError:  # the caller was killed, or interrupted, meanwhile
            continue
        number, call = _read_call(bytes(asked))
        allowed = call is None or decide(call)
        answer = (0, 0, CONTINUE) if allowed else (0, -errno.ENOSPC, 0)
        try:
            fcntl.ioctl(listener, SEND, struct.pack("QqiI", number, *answer))
        except OSError:
            continue


def _read_call(asked: bytes) -> tuple[int, Call | None]:
    number, process, _, call, _, _, *arguments = struct.unpack("QIIiIQ6Q", asked)
    what, kind, position, folder = CALLS[call]
    try:
        if kind == OPEN_FILE:
            path = str(Path(f"/proc/{process}/fd/{arguments[position]}").readlink())
        else:
            name = _read_text(process, arguments[position])
            path = os.path.join(_find_folder(process, arguments, folder), name)  # noqa: PTH118
    except OSError:
        return number, None
    return number, Call(what, Path(os.path.normpath(path)), process)


def _find_folder(process: int, arguments: list[int], folder: int | None) -> str:
    if folder is None or arguments[folder] & 0xFFFFFFFF == AT_CWD:
        return str(Path(f"/proc/{process}/cwd").readlink())
    return str(Path(f"/proc/{process}/fd/{arguments[folder]}").readlink())


def _read_text(process: int, address: int) -> str:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:  # noqa: PTH123
        memory.seek(address)
        try:
            found = memory.read(4096)
        except OSError:  # the text lies near the end of a page, and nothing after it
            memory.seek(address)
            found = memory.read(4096 - address % 4096)
    return os.fsdecode(found.split(b"\0")[0])

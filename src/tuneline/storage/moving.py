"""Moving the hub's cache to another disk: copy, compare, and only then remove."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tqdm.auto import tqdm

from tuneline.errors import Problem, TunelineError
from tuneline.hub.cleanup import is_locked, list_repositories
from tuneline.utils.disks import format_bytes, measure_volume
from tuneline.utils.files import name_unwritable, replace_whole
from tuneline.utils.terminal import state_rest

# The store of files that repositories share; huggingface_hub knows it by this mark.
STORE_MARK = "blobs/.huggingface-shared-blobs"
# A copy keeps the time of its original; the coarsest disks note every other second (FAT).
CLOCK_SECONDS = 2
REMEDY = "free space there and type the same command again; it goes on"
PIECE = 4 * 1024 * 1024


def list_entries(source: Path) -> list[Path]:
    """List what huggingface_hub keeps in its cache; all else stays where it is."""
    store = source / STORE_MARK
    return [*[store.parent] * store.is_file(), *list_repositories(source)]


def walk(source: Path) -> Iterator[Path]:
    """Walk through the cache: its folders and files, links among them. No link is followed."""

    def refuse(error: OSError) -> NoReturn:  # what cannot be seen would not be copied
        raise error

    for entry in list_entries(source):
        yield entry
        if entry.is_symlink():
            continue
        for parent, folders, names in os.walk(entry, onerror=refuse):
            folders.sort()
            yield from (Path(parent) / name for name in sorted([*folders, *names]))


def list_files(source: Path, links: bool) -> dict[Path, int]:
    """List what has to be in the new place, with the bytes it takes there; a link takes none."""
    files: dict[Path, int] = {}
    for path in walk(source):
        if path.is_file() and not path.name.endswith(".incomplete"):  # a link to nothing is none
            size = 0 if links and path.is_symlink() else path.stat().st_size
            files[path.relative_to(source)] = size
    if links:
        return files
    # Without links the snapshots hold the files themselves, and their blobs would be second copies.
    return {path: size for path, size in files.items() if "blobs" not in path.parts[:2]}


def copy_file(source: Path, target: Path, links: bool, advance: Callable[[int], Any]) -> None:
    """Copy a file, or a link as a link; under its own name it is whole or not there.

    Args:
        source: the file.
        target: its copy.
        links: whether the new disk knows symbolic links.
        advance: is told of the bytes that were written.

    Raises:
        TunelineError: if the new disk takes no more.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if links and source.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(_point(source))
        return
    partial = target.with_name(f"{target.name}.moving")
    with name_unwritable(target, REMEDY):
        with source.open("rb") as original, partial.open("wb") as copy:
            while piece := original.read(PIECE):
                copy.write(piece)
                advance(len(piece))
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copystat(source, partial)  # its times: they say when a model was last used
    partial.replace(target)


def is_there(target: Path, source: Path) -> bool:
    """Tell whether a file has been copied, and has not changed since."""
    if target.is_symlink():
        return source.is_symlink() and os.readlink(target) == _point(source)  # noqa: PTH115
    if not target.is_file():
        return False
    # A branch may have moved on between two tries: its file is as long, and younger than its copy.
    copy, original = target.stat(), source.stat()
    as_new = copy.st_mtime >= original.st_mtime - CLOCK_SECONDS
    return as_new and copy.st_size == original.st_size


def knows_links(target: Path) -> bool:
    """Tell whether a disk knows symbolic links: it is tried, in the nearest folder there is."""
    from huggingface_hub.file_download import are_symlinks_supported

    there = next(one for one in (target, *target.parents) if one.is_dir())
    return bool(are_symlinks_supported(there))


def _point(link: Path) -> str:
    """Tell where a link leads, as a path from its folder: that is the same in the new place."""
    led = os.path.join(link.parent, os.readlink(link))  # noqa: PTH115, PTH118 - follows no second link
    return os.path.relpath(led, link.parent)


# Stands in the new place until everything is there, so that a second try knows its own half.
MARK = ".tuneline-moving"
LOCKS = ".locks"


@contextmanager
def name_refusal() -> Iterator[None]:
    """Say what the system refuses: a disk that may not be written to, or one that has gone.

    Raises:
        TunelineError: instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        raise TunelineError(
            Problem(
                where=str(error.filename),
                wrong=f"the system refuses: {str(error.strerror).lower()}",
                matters="the cache cannot be moved; nothing is lost",
                remedy="make the place writable, or choose another one, and type the same command "
                "again",
            )
        ) from error


@dataclass(frozen=True)
class Move:
    """A planned move.

    Attributes:
        source: the cache as it is.
        target: where it is to be.
        links: whether the new disk knows symbolic links. A Google Drive does not; the cache then
            holds files in their place, as huggingface_hub does it there.
        files: what is still to be copied: path in the cache, and bytes.
    """

    source: Path
    target: Path
    links: bool
    files: dict[Path, int]

    @property
    def size(self) -> int:
        """Bytes still to be copied."""
        return sum(self.files.values())


def plan_move(source: Path, target: Path) -> Move:
    """Look at what a move would copy; it changes nothing.

    Args:
        source: the hub's cache.
        target: a folder that is empty, or not there, or holds the first part of this very move.

    Returns:
        The move.

    Raises:
        TunelineError: if the new place, or a link in the cache, does not allow it.
    """
    source, target = source.resolve(), Path(os.path.realpath(target.expanduser()))
    problems = _check_places(source, target) or _check_contents(source)
    if problems:
        raise TunelineError(*problems)
    links = knows_links(target)
    files = {
        path: size
        for path, size in list_files(source, links).items()
        if not is_there(target / path, source / path)
    }
    move = Move(source, target, links, files)
    free = measure_volume(target).free
    if move.size > free:
        raise TunelineError(
            Problem(
                where="--move-cache",
                value=target,
                wrong=f"{format_bytes(move.size)} are to be copied, {format_bytes(free)} are free",
                matters="the move would end with a full disk",
                remedy="choose a larger disk, or see what may go with `kedro storage --clean`",
            )
        )
    return move


def move_cache(move: Move, tell: Callable[[str], None]) -> None:
    """Move the cache: copy all, compare all sizes, remove the old one.

    A move that is interrupted loses nothing: the same command goes on with it.

    Args:
        move: what `plan_move` has planned.
        tell: is told of each repository.

    Raises:
        TunelineError: if the new disk takes no more, or if a copy differs.
    """
    move.target.mkdir(parents=True, exist_ok=True)
    with replace_whole(move.target / MARK) as file:
        file.write(os.fsencode(move.source))
    state_rest("the same command goes on with the move")
    told = None
    with tqdm(total=move.size, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        for path in move.files:
            if path.parts[0] != told:
                told = path.parts[0]
                tell(f"copying {told}")
            copy_file(move.source / path, move.target / path, move.links, bar.update)
    _compare(move)
    for entry in list_entries(move.source):
        shutil.rmtree(entry)
    (move.target / MARK).unlink()


def _check_places(source: Path, target: Path) -> list[Problem]:
    def word(wrong: str, remedy: str) -> list[Problem]:
        matters = "the cache could be lost, or mixed with something else"
        return [Problem("--move-cache", wrong, matters, remedy, value=target)]

    mark = target / MARK
    begun = mark.is_file() and mark.read_text(encoding="utf-8") == str(source)
    if not source.is_dir() or not (begun or list_entries(source)):
        return word(f"there is no cache in {source}", "there is nothing to move")
    if target == source or target.is_relative_to(source) or source.is_relative_to(target):
        return word("one place lies in the other", "choose a folder outside of the cache")
    if not target.parent.is_dir():
        return word(f"there is no folder {target.parent}", "mount the disk, or make the folder")
    if target.exists() and not begun and (not target.is_dir() or any(target.iterdir())):
        return word("it is not empty", "choose a new folder")
    return []


def _check_contents(source: Path) -> list[Problem]:
    problems = []
    for folder in (source / LOCKS).glob("*"):
        if is_locked(source, folder.name):
            problems.append(
                Problem(
                    where=str(source),
                    wrong=f"a download of {folder.name} is under way",
                    matters="it would write to the old place",
                    remedy="wait until it is through",
                )
            )
    for path in walk(source):
        leads_out = path.is_dir() or not path.resolve().is_relative_to(source)
        if path.is_symlink() and leads_out:
            problems.append(
                Problem(
                    where=str(path),
                    wrong=f"it is a link to {path.resolve()}, and not of huggingface_hub",
                    matters="what lies there does not move with the cache",
                    remedy="remove the link, or put what it leads to in its place",
                )
            )
    return problems


def _compare(move: Move) -> None:
    """Compare the whole cache with its copy, as readers see it: through links."""
    for path in list_files(move.source, move.links):
        target, source = move.target / path, move.source / path
        same_size = target.is_file() and target.stat().st_size == source.stat().st_size
        if not same_size or not is_there(target, source):
            raise TunelineError(
                Problem(
                    where=str(target),
                    wrong="the copy differs from the original",
                    matters="nothing was removed from the old place",
                    remedy="type the same command again",
                )
            )

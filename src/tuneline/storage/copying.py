"""The files of the hub's cache: which there are, copying one, and whether a copy is whole."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from tuneline.disk import name_unwritable
from tuneline.hub_cache.cleaning import list_repositories

# The store of files that repositories share; the hub's client knows it by this mark.
STORE_MARK = "blobs/.huggingface-shared-blobs"
# A copy keeps the time of its original; the coarsest disks note every other second (FAT).
CLOCK_SECONDS = 2
REMEDY = "free space there and type the same command again; it goes on"
PIECE = 4 * 1024 * 1024


def list_entries(source: Path) -> list[Path]:
    """List what the hub's client keeps in its cache; all else stays where it is."""
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

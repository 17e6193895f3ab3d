"""What may be removed from the hub's cache, by the allow-list, and removing it."""

import errno
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from kedro.utils import find_kedro_project

from tuneline.parameters import Storage
from tuneline.utils.disks import format_bytes, lies_within

log = logging.getLogger(__name__)

DAY = 24 * 60 * 60
# Files that Kedro reads as configuration (OmegaConfigLoader).
CONF_SUFFIXES = {".yml", ".yaml", ".json"}
# A download writes all the time: this tells it from a dead one where a disk keeps no locks.
QUIET_SECONDS = 60
# A repository's folder, as huggingface_hub names it (file_download.repo_folder_name).
REPOSITORY = re.compile(r"(?:model|dataset|space|kernel)s--.+")
# In a download's temporary name: <content>.<eight digits>.incomplete (huggingface_hub).
TEMPORARY = re.compile(r"(?:\.[0-9a-f]{8})?\.incomplete$")


@dataclass(frozen=True)
class Removable:
    """One thing that may go.

    Attributes:
        name: what it is, for people.
        size: bytes that its removal frees.
        reason: why it may go.
        remove: removes it.
    """

    name: str
    size: int
    reason: str
    remove: Callable[[], None]


def find_removable(cache: Path, storage: Storage, keep: str | None = None) -> list[Removable]:
    """Find what the allow-list lets go from the hub's cache; it removes nothing.

    Kept in any case: whatever a download holds a lock on, whatever lies outside the cache, be it
    behind a symbolic link, and the models that the project names.

    Args:
        cache: the hub's cache.
        storage: with the allow-list.
        keep: hub id of a base model that a run is about to use.

    Returns:
        First interrupted downloads, then unreferenced revisions, then unused repositories.
    """
    project = find_kedro_project(Path.cwd())
    scan = scan_cache(cache)
    if project is None or scan is None:  # outside a project nobody knows what it names
        return []
    cache, allowed = cache.resolve(), storage.clean
    named = _read_conf(Path(project) / "conf") + (keep or "")
    found: list[Removable] = []
    if allowed.interrupted_downloads:
        found += _find_interrupted(scan)
    free = [repo for repo in scan.repos if not is_locked(cache, repo.repo_path.name)]
    free.sort(key=lambda repo: (repo.last_accessed, repo.repo_id))
    unused = [repo for repo in free if _is_unused(repo, storage, named)]
    if allowed.unreferenced_revisions:
        found += _find_unreferenced(scan, [one for one in free if one not in unused], named)
    for repo in unused:
        commits = [revision.commit_hash for revision in repo.revisions]
        reason = f"unused for {_count_days(repo):.0f} days, and storage.clean.unused_repos lists it"
        found += _offer(scan, repo, f"{repo.repo_type} {repo.repo_id}", reason, commits)
    return found


def scan_cache(cache: Path) -> Any | None:
    """Scan the hub's cache with its client's own scan.

    Args:
        cache: the hub's cache.

    Returns:
        An HFCacheInfo; `None` if there is no cache, or one that cannot be read: it is left alone.
    """
    from huggingface_hub import scan_cache_dir

    try:
        return scan_cache_dir(cache) if cache.is_dir() else None
    except OSError as error:
        log.warning("The hub's cache cannot be read and is left as it is: %s.", error)
        return None


def list_repositories(cache: Path) -> list[Path]:
    """List the folders of repositories, be they whole or not.

    The hub client's variable may lead to a folder that holds more, be it somebody's home.
    """
    return sorted(
        path for path in cache.iterdir() if REPOSITORY.fullmatch(path.name) and path.is_dir()
    )


def remove(item: Removable) -> int:
    """Remove one thing, and say so in the log.

    Args:
        item: what may go.

    Returns:
        Bytes that this has freed: none if the system does not let it go.
    """
    try:
        item.remove()
    except OSError as error:
        log.warning("Not removed: %s (%s).", item.name, str(error.strerror).lower())
        return 0
    log.info("Removed %s: %s, %s.", item.name, format_bytes(item.size), item.reason)
    return item.size


def _find_interrupted(scan: Any) -> Iterator[Removable]:
    for part in sorted(scan.incomplete_files, key=lambda part: part.file_path):
        path = part.file_path
        repo, content = path.parents[1].name, TEMPORARY.sub("", path.name)
        if (
            lies_within(path, scan.cache_dir)
            and time.time() - path.lstat().st_mtime > QUIET_SECONDS
            and not is_locked(scan.cache_dir, repo, f"{content}.lock")
        ):
            yield Removable(
                name=f"part of a file of {repo.partition('--')[2].replace('--', '/')}",
                size=path.lstat().st_size,
                reason="an interrupted download; it would start again from the beginning",
                remove=path.unlink,
            )


def _find_unreferenced(scan: Any, repos: list[Any], named: str) -> Iterator[Removable]:
    for repo in repos:
        if not repo.refs:  # somebody uses this repository by commits alone
            continue
        for revision in sorted(repo.revisions, key=lambda one: one.last_modified):
            if not revision.refs and revision.commit_hash not in named:
                yield from _offer(
                    scan,
                    repo,
                    f"{repo.repo_type} {repo.repo_id} @ {revision.commit_hash[:8]}",
                    "no branch or tag points to this revision any more",
                    [revision.commit_hash],
                )


def _offer(scan: Any, repo: Any, name: str, reason: str, commits: list[str]) -> Iterator[Removable]:
    """Offer revisions, unless a symbolic link would lead their removal out of the cache."""
    # Of a commit that several repositories have, as copies do, the library would take any one's.
    strategy = replace(scan, repos=frozenset({repo})).delete_revisions(*commits)
    paths = {*strategy.repos, *strategy.snapshots, *strategy.refs, *strategy.blobs}
    if all(lies_within(path, scan.cache_dir) for path in paths | _find_shared(repo)):
        yield Removable(
            name, int(strategy.expected_freed_size), reason, partial(_execute, strategy, paths)
        )


def _find_shared(repo: Any) -> set[Path]:
    """Find what a repository shares with others: its files in the store of the whole cache.

    The library removes them with the last repository that has them.
    """
    links = (path for path in (repo.repo_path / "blobs").glob("*") if path.is_symlink())
    return {Path(os.path.normpath(path.parent / path.readlink())) for path in links}


def _execute(strategy: Any, paths: set[Path]) -> None:
    """Carry out the library's plan, which goes on where the system refuses."""
    strategy.execute()
    for path in paths:
        if os.path.lexists(path):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _is_unused(repo: Any, storage: Storage, named: str) -> bool:
    listed = storage.clean.unused_repos
    if repo.repo_id in named and repo.repo_id not in listed:
        return False
    matches = any(fnmatchcase(repo.repo_id, pattern) for pattern in listed)
    return matches and _count_days(repo) > storage.clean.unused_days


def _count_days(repo: Any) -> float:
    # Where a disk notes no reading (noatime), the day of the download counts.
    return float(time.time() - max(repo.last_accessed, repo.last_modified)) / DAY


def is_locked(cache: Path, repo: str, name: str = "*.lock") -> bool:
    """Tell whether a download, in whatever process, holds one of a repository's locks."""
    from filelock import FileLock, SoftFileLock, Timeout

    for path in (cache / ".locks" / repo).glob(name):
        if path.is_symlink() or not lies_within(path, cache):  # taking a lock empties its file
            return True
        try:
            with FileLock(path, timeout=0, mode=0o664):
                pass
        except Timeout:
            return True
        except NotImplementedError:  # a disk without locks: huggingface_hub uses the file itself
            try:
                with SoftFileLock(path, timeout=0):
                    pass
            except Timeout:
                return True
    return False


def _read_conf(conf: Path) -> str:
    """Read the configuration of all machines, but for the allow-list itself.

    A model counts as named if its id stands anywhere in it, be it in a comment: looking for recipes
    would miss what an interpolation puts together.
    """
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(conf.rglob("*"))
        if path.suffix in CONF_SUFFIXES and not path.name.startswith("parameters_storage")
    )

"""What may be removed from the hub's cache, by the allow-list, and removing it."""

import errno
import logging
import os
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


@dataclass(frozen=True)
class Removable:
    """One thing that may go, why, and how many bytes that frees."""

    name: str
    size: int
    reason: str
    remove: Callable[[], None]


def find_removable(cache: Path, storage: Storage, keep: str | None = None) -> list[Removable]:
    """Find what the allow-list lets go from the hub's cache; it removes nothing.

    Kept in any case: repositories that a download holds a lock on or from which a symbolic link
    leads out of the cache, and the models that the project names. The base model `keep` stays, too.
    First come interrupted downloads, then unreferenced revisions, then unused repositories.
    """
    project, scan = find_kedro_project(Path.cwd()), scan_cache(cache)
    if project is None or scan is None:  # outside a project nobody knows what it names
        return []
    allowed, named = storage.clean, _read_conf(Path(project) / "conf") + (keep or "")
    found = list(_find_interrupted(scan)) if allowed.interrupted_downloads else []
    free = [repo for repo in scan.repos if _is_free(repo.repo_path, scan.cache_dir)]
    free.sort(key=lambda repo: (repo.last_accessed, repo.repo_id))
    unused = [repo for repo in free if _is_unused(repo, storage, named)]
    if allowed.unreferenced_revisions:
        found += _find_unreferenced(scan, [repo for repo in free if repo not in unused], named)
    for repo in unused:
        commits = [revision.commit_hash for revision in repo.revisions]
        reason = f"unused for {_count_days(repo):.0f} days, and storage.clean.unused_repos lists it"
        found.append(_offer(scan, repo, f"{repo.repo_type} {repo.repo_id}", reason, commits))
    return found


def scan_cache(cache: Path) -> Any | None:
    """Scan the hub's cache (HFCacheInfo); one that cannot be read is None and is left alone."""
    from huggingface_hub import scan_cache_dir

    try:
        return scan_cache_dir(cache) if cache.is_dir() else None
    except OSError as error:
        log.warning("The hub's cache cannot be read and is left as it is: %s.", error)
        return None


def remove(item: Removable) -> int:
    """Remove one thing, and say so in the log; count the bytes that this has freed."""
    try:
        item.remove()
    except OSError as error:
        log.warning("Not removed: %s (%s).", item.name, str(error.strerror).lower())
        return 0
    log.info("Removed %s: %s, %s.", item.name, format_bytes(item.size), item.reason)
    return item.size


def _find_interrupted(scan: Any) -> Iterator[Removable]:
    for part in sorted(scan.incomplete_files, key=lambda part: part.file_path):
        repo, age = part.file_path.parents[1], time.time() - part.file_path.lstat().st_mtime
        if age > QUIET_SECONDS and _is_free(repo, scan.cache_dir):
            yield Removable(
                name=f"part of a file of {repo.name.partition('--')[2].replace('--', '/')}",
                size=part.size_on_disk,
                reason="an interrupted download; it would start again from the beginning",
                remove=part.file_path.unlink,
            )


def _find_unreferenced(scan: Any, repos: list[Any], named: str) -> Iterator[Removable]:
    for repo in repos:
        if not repo.refs:  # somebody uses this repository by commits alone
            continue
        for revision in sorted(repo.revisions, key=lambda one: one.last_modified):
            if not revision.refs and revision.commit_hash not in named:
                yield _offer(
                    scan,
                    repo,
                    f"{repo.repo_type} {repo.repo_id} @ {revision.commit_hash[:8]}",
                    "no branch or tag points to this revision any more",
                    [revision.commit_hash],
                )


def _offer(scan: Any, repo: Any, name: str, reason: str, commits: list[str]) -> Removable:
    # Of a commit that several repositories have, as copies do, the library would take any one's.
    strategy = replace(scan, repos=frozenset({repo})).delete_revisions(*commits)
    return Removable(name, int(strategy.expected_freed_size), reason, partial(_execute, strategy))


def _execute(strategy: Any) -> None:
    """Carry out the library's plan, which goes on where the system refuses."""
    strategy.execute()
    for path in {*strategy.repos, *strategy.snapshots, *strategy.refs, *strategy.blobs}:
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


def _is_free(repo: Path, cache: Path) -> bool:
    """Tell whether no download holds a lock on a repository and no link leads out of the cache."""
    paths = (repo, *repo.rglob("*"))
    links = (os.path.realpath(path) for path in paths if path.is_symlink())
    within = all(Path(link).is_relative_to(cache) for link in links)
    return within and not _is_locked(repo, cache)


def _is_locked(repo: Path, cache: Path) -> bool:
    from filelock import FileLock, SoftFileLock, Timeout

    for path in (cache / ".locks" / repo.name).glob("*.lock"):
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

    A model counts as named if its id is anywhere in it, be it in a comment: looking for recipes
    would miss what an interpolation puts together.
    """
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(conf.rglob("*"))
        if path.suffix in CONF_SUFFIXES and not path.name.startswith("parameters_storage")
    )

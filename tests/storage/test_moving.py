import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub.constants
import pytest
from huggingface_hub import scan_cache_dir, try_to_load_from_cache

from tests.hub.test_cleanup import NEW, OLD, add_part, add_repo, add_shared
from tuneline.errors import TunelineError
from tuneline.storage.moving import MARK, move_cache, plan_move

REPOS = ("owner/one", "owner/two")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    for repo in REPOS:
        add_part(add_repo(tmp_path / "old", repo, refs={"main": NEW, "v1": OLD}))
    return tmp_path / "old"


def read(cache: Path, repo: str, revision: str, name: str) -> bytes:
    """Read a file as huggingface_hub finds it."""
    found = try_to_load_from_cache(repo, name, cache_dir=cache, revision=revision)
    assert isinstance(found, str)
    return Path(found).read_bytes()


def check(cache: Path) -> None:
    for repo in REPOS:
        assert read(cache, repo, "main", "new.bin") == b"new" * 100
        assert read(cache, repo, "v1", "old.bin") == b"old" * 100
    scan = scan_cache_dir(cache)
    assert {repo.repo_id for repo in scan.repos} == set(REPOS)
    assert scan.warnings == []
    assert scan.incomplete_files == frozenset()


def test_a_moved_cache_is_found_by_the_hubs_client_and_the_old_place_is_empty(cache: Path):
    before = scan_cache_dir(cache)
    target = cache.with_name("new")
    move = plan_move(cache, target)
    assert not target.exists()
    assert move.size == sum(repo.size_on_disk for repo in before.repos) + 4 * 40  # and four refs
    move_cache(move, lambda _: None)
    check(target)
    assert scan_cache_dir(target).size_on_disk == before.size_on_disk
    assert (target / "models--owner--one/snapshots" / NEW / "new.bin").is_symlink()
    assert list(cache.iterdir()) == []
    assert not (target / MARK).exists()
    last_used = {repo.repo_id: round(repo.last_modified) for repo in before.repos}
    assert {r.repo_id: round(r.last_modified) for r in scan_cache_dir(target).repos} == last_used


def test_a_disk_without_links_gets_files_in_their_place(
    cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_SYMLINKS", True)
    target = cache.with_name("drive")
    move_cache(plan_move(cache, target), lambda _: None)
    check(target)
    assert not any(path.is_symlink() for path in target.rglob("*"))
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("told", [1, 2])
def test_a_move_that_is_killed_loses_nothing_and_goes_on(cache: Path, told: int):
    target = cache.with_name("new")
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tuneline.storage.moving import move_cache, plan_move\n"
        "lines = []\n"
        "def tell(line):\n"
        "    lines.append(line)\n"
        f"    if len(lines) == {told}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "move_cache(plan_move(Path(sys.argv[1]), Path(sys.argv[2])), tell)\n"
    )
    command = [sys.executable, "-c", script, str(cache), str(target)]
    done = subprocess.run(command, check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    move = plan_move(cache, target)
    # What the first try has copied is not copied again.
    assert {path.parts[0] for path in move.files} == {
        f"models--{repo.replace('/', '--')}" for repo in REPOS[told - 1 :]
    }
    move_cache(move, lambda _: None)
    check(target)
    assert list(cache.iterdir()) == []


def test_a_copy_that_differs_leaves_the_old_place_as_it_is(cache: Path):
    target = cache.with_name("new")
    move = plan_move(cache, target)

    def spoil(line: str) -> None:
        if "two" in line:
            (target / "models--owner--one/blobs/new").write_bytes(b"short")

    with pytest.raises(TunelineError, match="the copy differs from the original; nothing was rem"):
        move_cache(move, spoil)
    check_old = read(cache, "owner/one", "main", "new.bin")
    assert check_old == b"new" * 100


def test_only_the_cache_moves_where_its_variable_leads_to_a_folder_that_holds_more(cache: Path):
    """HF_HUB_CACHE may name a home, or the folder of HF_HOME, in which the token lies."""
    keep = [cache / name for name in ("token", "xet/chunk", "notes--mine/one.txt", "models--x")]
    for path in keep:
        path.parent.mkdir(exist_ok=True)
        path.write_text("words")
    target = cache.with_name("new")
    move_cache(plan_move(cache, target), lambda _: None)
    check(target)
    assert {path.name for path in target.iterdir()} == {
        f"models--{repo.replace('/', '--')}" for repo in REPOS
    }
    assert [path for path in keep if not path.is_file()] == []
    with pytest.raises(TunelineError, match=r"there is no cache in .*; there is nothing to move"):
        plan_move(cache, cache.with_name("newer"))


def test_files_that_repositories_share_move_with_them(cache: Path):
    """What comes by Xet lies in a store of the whole cache, behind a second link."""
    for repo in REPOS:
        add_shared(cache / f"models--{repo.replace('/', '--')}").chmod(0o644)
    target = cache.with_name("new")
    move_cache(plan_move(cache, target), lambda _: None)
    check(target)
    assert not list(cache.iterdir())
    for repo in REPOS:
        assert read(target, repo, "main", "weights.bin") == b"shared" * 100
        assert (target / f"models--{repo.replace('/', '--')}" / "blobs/weights").is_symlink()


def test_a_branch_that_moves_on_between_two_tries_moves_with_its_new_commit(cache: Path):
    target = cache.with_name("new")
    first = plan_move(cache, target)

    def stop(line: str) -> None:
        if "two" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_cache(first, stop)
    ref = cache / "models--owner--one/refs/main"
    ref.write_text(OLD)
    os.utime(ref, (time.time() + 10,) * 2)
    move_cache(plan_move(cache, target), lambda _: None)
    assert (target / "models--owner--one/refs/main").read_text() == OLD


def test_places_and_links_that_would_lose_something_are_refused(cache: Path, tmp_path: Path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("words")
    for target, words in (
        (full, "it is not empty"),
        (cache / "inside", "one place lies in the other"),
        (tmp_path, "one place lies in the other"),
        (tmp_path / "no" / "disk", "there is no folder"),
    ):
        with pytest.raises(TunelineError, match=words):
            plan_move(cache, target)
    (cache / "models--owner--one/snapshots" / OLD / "out.bin").symlink_to(full / "mine.txt")
    with pytest.raises(TunelineError, match=r"out\.bin: it is a link to .*mine\.txt"):
        plan_move(cache, tmp_path / "new")

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneline.hub.cleanup import DAY, find_removable
from tuneline.parameters import Cleanup, Storage

OLD, NEW = "1" * 40, "2" * 40
NAMED = "microsoft/Phi-3-mini-4k-instruct"  # in conf/base
ALL = Cleanup(
    interrupted_downloads=True, unreferenced_revisions=True, unused_repos=["*"], finished_runs=True
)


def add_repo(cache: Path, repo: str, days: float = 100, refs: dict[str, str] | None = None) -> Path:
    """Write a repository as huggingface_hub does: blobs, and snapshots of links to them."""
    folder = cache / f"models--{repo.replace('/', '--')}"
    for commit, contents in {OLD: ("shared", "old"), NEW: ("shared", "new")}.items():
        snapshot = folder / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (folder / "blobs").mkdir(exist_ok=True)
        for content in contents:
            blob = folder / "blobs" / content
            blob.write_bytes(content.encode() * 100)
            os.utime(blob, (time.time() - days * DAY,) * 2)
            (snapshot / f"{content}.bin").symlink_to(f"../../blobs/{content}")
    (folder / "refs").mkdir()
    for ref, commit in ({"main": NEW} if refs is None else refs).items():
        (folder / "refs" / ref).write_text(commit)
    return folder


def add_part(repo: Path, seconds: float = 1000) -> Path:
    """Write a part of a file, as a download that was killed leaves it."""
    part = repo / "blobs" / "content.0123abcd.incomplete"
    part.write_bytes(b"part")
    os.utime(part, (time.time() - seconds,) * 2)
    return part


def add_shared(repo: Path) -> Path:
    """Write a file that came by Xet: it lies in a store of the whole cache, two links away."""
    digest = "ab" * 32
    store, link = repo.parent / "blobs", repo / "blobs" / "weights"
    content = store / "ab" / digest
    content.parent.mkdir(parents=True, exist_ok=True)
    (store / ".huggingface-shared-blobs").write_text("1\n")
    content.write_bytes(b"shared" * 100)
    with content.with_name(f"{digest}.refs").open("a") as references:
        references.write(f"{link.relative_to(repo.parent)}\n")
    link.symlink_to(f"../../blobs/ab/{digest}")
    (repo / "snapshots" / NEW / "weights.bin").symlink_to("../../blobs/weights")
    return content


def clean(cache: Path, **allowed: object) -> list[str]:
    """Remove what is allowed; name it."""
    items = find_removable(cache, Storage(clean=Cleanup(**allowed)))  # type: ignore[arg-type]
    for item in items:
        item.remove()
    return [f"{item.name} {item.size}" for item in items]


def test_an_empty_allow_list_and_a_cache_that_is_not_there_let_nothing_go(tmp_path: Path):
    add_part(add_repo(tmp_path, "owner/one"))
    assert clean(tmp_path) == []
    assert clean(tmp_path / "nowhere", interrupted_downloads=True) == []


def test_nothing_goes_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    add_part(add_repo(tmp_path / "cache", "owner/one"))
    monkeypatch.chdir(tmp_path)
    assert clean(tmp_path / "cache", interrupted_downloads=True) == []


def test_an_interrupted_download_goes_and_a_running_one_stays(tmp_path: Path):
    repo = add_repo(tmp_path, "owner/one")
    part = add_part(repo, seconds=5)
    assert clean(tmp_path, interrupted_downloads=True) == []  # it was written to a moment ago
    add_part(repo)
    lock = tmp_path / ".locks" / repo.name / "content.lock"
    lock.parent.mkdir(parents=True)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from filelock import FileLock\n"
            "with FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()",
            str(lock),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout
    assert holder.stdin
    assert holder.stdout.readline() == b"held\n"
    everything = {"interrupted_downloads": True, "unused_repos": ["*"]}
    assert clean(tmp_path, **everything) == []
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()
    assert clean(tmp_path, interrupted_downloads=True) == ["part of a file of owner/one 4"]
    assert not part.exists()


def test_a_lock_that_is_a_link_is_not_opened(tmp_path: Path):
    """Taking a lock empties its file."""
    precious = tmp_path / "precious"
    precious.write_text("words")
    repo = add_repo(tmp_path / "cache", "owner/one")
    add_part(repo)
    lock = tmp_path / "cache" / ".locks" / repo.name / "content.lock"
    lock.parent.mkdir(parents=True)
    lock.symlink_to(precious)
    assert clean(tmp_path / "cache", interrupted_downloads=True, unused_repos=["*"]) == []
    assert precious.read_text() == "words"


def test_a_revision_goes_when_its_branch_has_moved_on_and_shared_files_stay(tmp_path: Path):
    repo = add_repo(tmp_path, "owner/one")
    assert clean(tmp_path, unreferenced_revisions=True) == ["model owner/one @ 11111111 300"]
    assert (repo / "snapshots" / NEW / "shared.bin").read_bytes() == b"shared" * 100
    assert not (repo / "blobs" / "old").exists()


def test_a_file_that_repositories_share_goes_with_the_last_of_them(tmp_path: Path):
    repos = [add_repo(tmp_path, repo) for repo in ("owner/one", "owner/two")]
    content, _ = map(add_shared, repos)
    assert clean(tmp_path, unused_repos=["owner/one"], unused_days=0) == ["model owner/one 1200"]
    assert content.is_file()
    assert clean(tmp_path, unused_repos=["owner/*"], unused_days=0) == ["model owner/two 1800"]
    assert not content.is_file()


def test_a_repository_that_is_used_by_commits_alone_keeps_them(tmp_path: Path):
    add_repo(tmp_path, "owner/one", refs={})
    assert clean(tmp_path, unreferenced_revisions=True) == []


def test_a_commit_that_a_machine_names_stays(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
):
    add_repo(tmp_path / "cache", "owner/one")
    (project / "conf/colab_free/globals.yml").write_text(f"data: data\npinned: {OLD}\n")
    assert clean(tmp_path / "cache", unreferenced_revisions=True) == []


@pytest.mark.parametrize("name", ["parameters.yml", "parameters.yaml", "parameters.json"])
def test_a_model_stays_in_whatever_file_a_machine_names_it(
    tmp_path: Path, project: Path, name: str
):
    add_repo(tmp_path / "cache", "owner/one")
    (project / "conf/local" / name).write_text('{"mine": {"recipe": {"base_model": "owner/one"}}}')
    assert clean(tmp_path / "cache", unused_repos=["owner/*"]) == []


def test_repositories_go_by_pattern_and_age_and_named_ones_only_by_their_whole_id(tmp_path: Path):
    for repo, days in (("owner/old", 31), ("owner/young", 29), ("other/old", 31), (NAMED, 31)):
        add_repo(tmp_path, repo, days=days)
    assert clean(tmp_path, unused_repos=["owner/*", "microsoft/*"]) == ["model owner/old 1200"]
    items = find_removable(
        tmp_path, Storage(clean=Cleanup(unused_repos=["other/old"])), keep="other/old"
    )
    assert len(items) == 1  # listed by its whole id
    items = find_removable(tmp_path, Storage(clean=Cleanup(unused_repos=["other/*"])), "other/old")
    assert items == []
    assert clean(tmp_path, unused_repos=[NAMED]) == [f"model {NAMED} 1200"]


# Where a link out of the cache is put, in a repository or above it.
PLACES = [
    "snapshots",
    "blobs",
    "refs",
    f"snapshots/{OLD}",
    f"snapshots/{OLD}/old.bin",
    f"snapshots/{NEW}/new.bin",
    f"snapshots/{OLD}/more.bin",
    "blobs/old",
    "blobs/content.0123abcd.incomplete",
    "refs/v1",
    ".",
    "../blobs",
    "../blobs/ab",
]
LINKS = st.lists(st.tuples(st.sampled_from(PLACES), st.booleans()), max_size=4)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    links=LINKS,
    interrupted=st.booleans(),
    unreferenced=st.booleans(),
    patterns=st.lists(st.sampled_from(["*", "owner/*", "owner/one", "other/*"]), max_size=2),
    days=st.sampled_from([0, 30]),
)
def test_nothing_outside_of_the_cache_ever_goes(
    tmp_path_factory: pytest.TempPathFactory,
    links: list[tuple[str, bool]],
    interrupted: bool,
    unreferenced: bool,
    patterns: list[str],
    days: int,
):
    root = tmp_path_factory.mktemp("tree")
    cache, outside = root / "cache", root / "outside"
    repo = add_repo(cache, "owner/one")
    add_part(repo)
    add_shared(repo)
    add_repo(cache, NAMED)
    # What a link leads to looks like a cache.
    duplicate = add_repo(outside, "owner/one", refs={"main": NEW, "v1": OLD})
    add_part(duplicate)
    add_shared(duplicate)
    for place, absolute in links:
        here, there = repo / place, duplicate / place
        if here.is_symlink() or not here.parent.resolve().is_relative_to(cache.resolve()):
            continue
        if here.exists():
            here.rename(root / f"away{time.monotonic_ns()}")
        here.symlink_to(there if absolute else os.path.relpath(there, here.parent))
    before = snapshot(outside)
    allowed = {
        "interrupted_downloads": interrupted,
        "unreferenced_revisions": unreferenced,
        "unused_repos": patterns,
        "unused_days": days,
    }
    clean(cache, **allowed)
    assert snapshot(outside) == before
    assert (cache / f"models--{NAMED.replace('/', '--')}" / "snapshots" / NEW).is_dir()

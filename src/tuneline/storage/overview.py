"""What lies on the disks, in words and tables for a terminal."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from kedro.io import DataCatalog

from tuneline.datasets.volumes import HUB_CACHE
from tuneline.hub_cache.cleaning import DAY, Removable, scan_cache
from tuneline.hub_cache.place import find_hub_cache
from tuneline.modelling import must_be_downloaded
from tuneline.parameters import Recipe
from tuneline.storage.runs import Run, describe_adapter, describe_run
from tuneline.use_cases import MAIN_USE_CASE, list_use_cases
from tuneline.volumes import Volume, compare_with_free, measure_volume, word_bytes


def describe_volumes(catalog: DataCatalog) -> Iterator[str]:
    """Describe each disk that matters: where it is mounted, what is free, what the plans need.

    Args:
        catalog: with the use cases' volumes, plans and recipes.

    Yields:
        Lines of text.
    """
    planned = [name for name in list_use_cases() if catalog.exists(f"{name}.plan")]
    rows = [row for name in planned for row in _compare_plan(name, catalog)]
    if not planned:
        rows = [
            _describe_volume(purpose, measure_volume(Path(place["folder"])), "", "no plan yet")
            for purpose, place in catalog.load(f"{MAIN_USE_CASE}.volumes").items()
        ]
    temporary = measure_volume(Path(tempfile.gettempdir()))
    rows.append(_describe_volume("temporary files", temporary, "", ""))
    yield "Disks"
    yield from align([("for", "folder", "mounted at", "free", "needed", ""), *rows])


def describe_cache() -> Iterator[str]:
    """Describe the hub's cache by repository, the one unused for longest first.

    Yields:
        Lines of text.
    """
    cache = find_hub_cache()
    scan = scan_cache(cache)
    if scan is None:
        state = "it cannot be read" if cache.is_dir() else "nothing has been downloaded yet"
        yield f"Hub cache {cache}: {state}."
        return
    yield f"Hub cache {cache}: {word_bytes(scan.size_on_disk)}"
    rows = [("repository", "kind", "size", "revisions", "last used", "downloaded")]
    for repo in sorted(scan.repos, key=lambda repo: (repo.last_accessed, repo.repo_id)):
        rows.append(
            (
                repo.repo_id,
                repo.repo_type,
                word_bytes(repo.size_on_disk),
                str(len(repo.revisions)),
                _word_age(repo.last_accessed),
                _word_age(repo.last_modified),
            )
        )
    if len(rows) > 1:
        yield from align(rows)
    parts = scan.incomplete_files
    if parts:
        size = word_bytes(scan.incomplete_size_on_disk)
        yield f"{len(parts)} parts of files of interrupted or running downloads: {size}"
    for warning in scan.warnings:
        yield f"not understood, and left alone: {warning}"


def describe_project(runs: dict[str, list[Run]], adapters: dict[str, list[Path]]) -> Iterator[str]:
    """Describe a project's own checkpoints and adapters.

    Args:
        runs: by use case.
        adapters: by use case.

    Yields:
        Lines of text.
    """
    yield "Checkpoints and adapters of this project"
    rows = [
        (f"{use_case} checkpoints {run.folder.name}", word_bytes(run.size), describe_run(run))
        for use_case, found in runs.items()
        for run in found
    ]
    rows += [
        (f"{use_case} adapters", str(len(found)), ", ".join(map(describe_adapter, found)))
        for use_case, found in adapters.items()
        if found
    ]
    yield from align(rows) if rows else ["none yet"]


def describe_removable(items: list[Removable]) -> Iterator[str]:
    """Describe what may go, item by item, with its bytes and its reason."""
    yield from align([(item.name, word_bytes(item.size), item.reason) for item in items])
    yield f"{word_bytes(sum(item.size for item in items))} in all"


def align(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Set rows of words in columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "   ".join(cells).rstrip()


def _compare_plan(use_case: str, catalog: DataCatalog) -> Iterator[tuple[str, ...]]:
    places = catalog.load(f"{use_case}.volumes")
    needed = {
        one["purpose"]: one["needed_gb"] * 1e9 for one in catalog.load(f"{use_case}.plan")["disk"]
    }
    recipe = Recipe.model_validate(catalog.load(f"params:{use_case}.recipe"))
    if not must_be_downloaded(recipe):  # since the plan was made, it may have been
        needed[HUB_CACHE] = 0.0
    volumes = {name: measure_volume(Path(place["folder"])) for name, place in places.items()}
    fits = compare_with_free(
        needed,
        {name: volume.device for name, volume in volumes.items()},
        {name: volume.free for name, volume in volumes.items()},
    )
    for name, volume in volumes.items():
        verdict = "fits" if fits[name] else "does not fit, with what else goes to this disk"
        label = f"{use_case} {name}"
        yield _describe_volume(label, volume, word_bytes(needed[name]), verdict)


def _describe_volume(purpose: str, volume: Volume, needed: str, verdict: str) -> tuple[str, ...]:
    label = purpose.replace(HUB_CACHE, "hub cache")
    free = word_bytes(volume.free)
    return (label, str(volume.folder), str(volume.mount), free, needed, verdict)


def _word_age(moment: float) -> str:
    days = int((time.time() - moment) / DAY)
    return "today" if days < 1 else f"{days} day{'s' if days > 1 else ''} ago"

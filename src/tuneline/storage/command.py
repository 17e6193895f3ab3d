"""The command `kedro storage`: what fills the disks, and what may go."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from tuneline.checks.recipes import preview_recipe
from tuneline.hub.cache import find_hub_cache, has_weights, read_storage
from tuneline.hub.cleanup import Removable, find_removable, remove, scan_cache
from tuneline.storage.training_runs import (
    Run,
    find_left,
    find_removable_runs,
    list_adapters,
    list_runs,
    summarize_run,
)
from tuneline.use_cases import count_folds, list_use_cases, name_fold
from tuneline.utils.disks import (
    Volume,
    count_bytes,
    count_missing,
    find_root,
    find_temporary_folder,
    format_bytes,
    locate,
    measure_volume,
    shorten_path,
)

LABELS = {"hub_cache": "hub cache"}
Volumes = dict[str, Volume]
PrintLine = Callable[[str], Any]


def describe_volumes(catalog: DataCatalog) -> Iterator[str]:
    """Describe each disk that matters: where it is mounted, what is free, what the plans need."""
    volumes = {name: _measure(name, catalog) for name in list_use_cases()}
    planned = [name for name in volumes if catalog.exists(f"{name}.plan")]
    yield "Disks"
    yield from align([("mounted at", "free", "for", "folder"), *_list_folders(volumes.values())])
    yield ""
    if not planned:
        yield "There is no plan yet: `kedro run --pipeline=plan` works out what a run needs."
        return
    yield "What a run needs, by the plan of each use case"
    purposes = [LABELS.get(purpose, purpose) for purpose in volumes[planned[0]]]
    rows = [_compare_plan(name, volumes[name], catalog) for name in planned]
    yield from align([("use case", *purposes, ""), *rows])


def describe_cache() -> Iterator[str]:
    """Describe the hub's cache as a whole; huggingface_hub's own command lists what is in it."""
    cache = find_hub_cache()
    scan = scan_cache(cache)
    if scan is None:
        state = "it cannot be read" if cache.is_dir() else "nothing has been downloaded yet"
        yield f"Hub cache {cache}: {state}."
        return
    count = len(scan.repos)
    repositories = "1 repository" if count == 1 else f"{count} repositories"
    yield f"Hub cache {cache}: {format_bytes(scan.size_on_disk)} in {repositories}"
    if scan.incomplete_files:
        size = format_bytes(scan.incomplete_size_on_disk)
        yield f"  Parts of interrupted or running downloads: {len(scan.incomplete_files)}, {size}"
    if scan.warnings:
        yield f"  No repositories, or broken ones, left alone: {len(scan.warnings)}"
    yield f"  One by one: hf cache ls --cache-dir={quote(str(cache))}"


def describe_use_case(
    use_case: str, runs: list[Run], adapters: list[Path], models: list[Path]
) -> Iterator[str]:
    """Describe what a use case keeps under the project's own data."""
    rows = [
        (format_bytes(run.size), f"checkpoints {run.folder.name}", summarize_run(run))
        for run in runs
    ]
    rows += [
        (format_bytes(count_bytes(path)), f"adapter {path.parent.name}", "") for path in adapters
    ]
    rows += [(format_bytes(count_bytes(path)), f"{path.name} model", "") for path in models]
    if rows:
        yield f"  {use_case}"
        yield from (f"  {line}" for line in align(rows))


def describe_removable(items: list[Removable]) -> Iterator[str]:
    """Describe what may go, item by item, with its bytes and, below it, its reason."""
    for item in items:
        yield from align([(format_bytes(item.size), item.name), ("", item.reason)], widths=[10, 0])
    yield f"{format_bytes(sum(item.size for item in items))} in all"


def align(rows: Sequence[tuple[str, ...]], widths: Sequence[int] | None = None) -> Iterator[str]:
    """Set rows of words in columns."""
    widths = widths or [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "   ".join(cells).rstrip()


def _measure(use_case: str, catalog: DataCatalog) -> Volumes:
    """Measure the disks that a use case's runs write to, by the purposes that its plan has."""
    folders = {
        "hub_cache": find_hub_cache(),
        "checkpoints": catalog.load(f"{use_case}.checkpoints"),
        "output": find_root(catalog, f"{use_case}.adapter"),
    }
    return {purpose: measure_volume(folder) for purpose, folder in folders.items()}


def _list_folders(use_cases: Iterable[Volumes]) -> Iterator[tuple[str, ...]]:
    """List what goes where, disk by disk; folders of several use cases by what they share."""
    temporary = {"temporary files": measure_volume(find_temporary_folder())}
    places: dict[int, dict[str, list[Volume]]] = {}
    for volumes in (*use_cases, temporary):
        for purpose, volume in volumes.items():
            places.setdefault(volume.device, {}).setdefault(purpose, []).append(volume)
    for purposes in places.values():
        disk = next(iter(purposes.values()))[0]
        named = (str(disk.mount), format_bytes(disk.free))
        for purpose, found in purposes.items():
            shared = Path(os.path.commonpath([volume.folder for volume in found]))
            yield (*named, LABELS.get(purpose, purpose), str(shorten_path(shared)))
            named = ("", "")


def _compare_plan(use_case: str, volumes: Volumes, catalog: DataCatalog) -> tuple[str, ...]:
    """Word what a use case's plan needs, and what is missing of it now."""
    needed = {
        one["purpose"]: one["needed_gb"] * 1e9 for one in catalog.load(f"{use_case}.plan")["disk"]
    }
    if has_weights(preview_recipe(catalog, use_case)):  # since the plan was made, it may have been
        needed["hub_cache"] = 0.0
    missing = count_missing(
        needed,
        {purpose: volume.device for purpose, volume in volumes.items()},
        {purpose: volume.free for purpose, volume in volumes.items()},
    )
    lacks = {volumes[purpose].mount: count for purpose, count in missing.items() if count}
    words = [f"{format_bytes(count)} missing on {mount}" for mount, count in lacks.items()]
    return (
        use_case,
        *(format_bytes(needed[purpose]) for purpose in volumes),
        ", ".join(words) or "fits",
    )


class ProjectStorage:
    """The disks, the cache and the checkpoints of a project on one machine."""

    def __init__(self, project: Path, env: str | None, print_line: PrintLine) -> None:
        self.print_line = print_line
        with KedroSession.create(project, env=env) as session:
            context: Any = session.load_context()  # type: ignore[attr-defined]
            self.catalog = context.catalog
            self.data = project / context.config_loader["globals"]["data"]
        self.cache, self.storage = find_hub_cache(), read_storage()

    def show(self) -> None:
        """Show disks, cache, checkpoints and adapters, and how much may go."""
        for lines in (describe_volumes(self.catalog), describe_cache(), self._describe_own()):
            for line in lines:
                self.print_line(line)
            self.print_line("")
        size = sum(item.size for item in self._find_removable())
        self.print_line(
            f"{format_bytes(size)} may go by storage.clean: `kedro storage --clean` says what."
            if size
            else "Nothing may go by storage.clean."
        )

    def clean(self, for_real: bool) -> None:
        """Show what the allow-list lets go, and remove it if it is meant."""
        items = self._find_removable()
        if not items:
            self.print_line("storage.clean lets nothing go. Nothing was removed.")
            return
        if for_real:
            self.print_line(f"{format_bytes(sum(map(remove, items)))} were freed.")
            return
        for line in describe_removable(items):
            self.print_line(line)
        self.print_line("Nothing was removed. `kedro storage --clean --yes` removes it.")

    def _describe_own(self) -> Iterator[str]:
        yield "Checkpoints, adapters and merged models of this project"
        lines: list[str] = []
        for use_case in list_use_cases():
            runs, adapters = self._list_runs(use_case)
            made = (f"{use_case}.{noun}" for noun in ("merged", "gguf", "merge_folder"))
            folders = (Path(locate(self.catalog, name)) for name in made)
            models = [path for path in folders if path.is_dir() and any(path.iterdir())]
            lines += describe_use_case(use_case, runs, adapters, models)
        left = [(format_bytes(one.size), one.name, one.reason) for one in find_left(self.data)]
        yield from [*lines, *align(left)] if lines or left else ["  none yet"]

    def _list_runs(self, use_case: str) -> tuple[list[Run], list[Path]]:
        """List a use case's runs and adapters, those of its folds too."""
        runs: list[Run] = []
        adapters: list[Path] = []
        folds = range(1, 1 + count_folds(use_case))
        for part in ("", *(name_fold(number, "") for number in folds)):
            own = list_adapters(find_root(self.catalog, f"{use_case}.{part}adapter"))
            runs += list_runs(self.catalog.load(f"{use_case}.{part}checkpoints"), own)
            adapters += own
        trials = list_runs(self.catalog.load(f"{use_case}.sweep_checkpoints"), [])
        # Of a trial that is over only its scores are left.
        runs += [one for one in trials if any(one.folder.glob("checkpoint-*"))]
        return runs, adapters

    def _find_removable(self) -> list[Removable]:
        items = find_removable(self.cache, self.storage)
        if self.storage.clean.finished_runs:
            for use_case in list_use_cases():
                items += find_removable_runs(self._list_runs(use_case)[0], self.data)
        if self.storage.clean.killed_runs:
            items += find_left(self.data)
        return items

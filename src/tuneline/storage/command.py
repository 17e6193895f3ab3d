"""What `kedro storage` does: show, clean."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession

from tuneline.hub.cache import find_hub_cache, read_storage
from tuneline.hub.cleanup import Removable, find_removable, remove
from tuneline.storage.checkpoints import (
    Run,
    find_left,
    find_removable_runs,
    list_adapters,
    list_runs,
)
from tuneline.storage.overview import (
    align,
    describe_cache,
    describe_removable,
    describe_use_case,
    describe_volumes,
)
from tuneline.use_cases import list_use_cases
from tuneline.utils.disks import format_bytes, locate

Tell = Callable[[str], Any]


class ProjectStorage:
    """The disks, the cache and the checkpoints of a project on one machine.

    Args:
        project: the project's folder.
        env: the machine; `None` for the default.
        tell: takes each line for the user.
    """

    def __init__(self, project: Path, env: str | None, tell: Tell) -> None:
        self.tell = tell
        with KedroSession.create(project, env=env) as session:
            context: Any = session.load_context()  # type: ignore[attr-defined]
            self.catalog = context.catalog
            self.data = project / context.config_loader["globals"]["data"]
        self.cache, self.storage = find_hub_cache(), read_storage()

    def show(self) -> None:
        """Show disks, cache, checkpoints and adapters, and how much may go."""
        for lines in (describe_volumes(self.catalog), describe_cache(), self._describe_own()):
            for line in lines:
                self.tell(line)
            self.tell("")
        size = sum(item.size for item in self._find_removable())
        self.tell(
            f"{format_bytes(size)} may go by storage.clean: `kedro storage --clean` says what."
            if size
            else "Nothing may go by storage.clean."
        )

    def clean(self, for_real: bool) -> None:
        """Show what the allow-list lets go, and remove it if it is meant.

        Args:
            for_real: remove it.
        """
        items = self._find_removable()
        if not items:
            self.tell("storage.clean lets nothing go. Nothing was removed.")
            return
        if for_real:
            self.tell(f"{format_bytes(sum(map(remove, items)))} were freed.")
            return
        for line in describe_removable(items):
            self.tell(line)
        self.tell("Nothing was removed. `kedro storage --clean --yes` removes it.")

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
        """List a use case's runs and adapters."""
        # Kedro offers no public name for where a dataset lies.
        dataset: Any = self.catalog.get(f"{use_case}.adapter")
        adapters = list_adapters(Path(str(dataset._filepath)))
        return list_runs(self.catalog.load(f"{use_case}.checkpoints"), adapters), adapters

    def _find_removable(self) -> list[Removable]:
        items = find_removable(self.cache, self.storage)
        if self.storage.clean.finished_runs:
            for use_case in list_use_cases():
                items += find_removable_runs(self._list_runs(use_case)[0], self.data)
        if self.storage.clean.killed_runs:
            items += find_left(self.data)
        return items

"""Folders of this machine as datasets: to work in, adapters, base models, releases; and caches."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, NoReturn, TypeVar

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview
from kedro_datasets.partitions import PartitionedDataset

from tuneline.utils.caches import Cache
from tuneline.utils.files import move_folder
from tuneline.utils.hashing import order_versions, record_version
from tuneline.utils.terminal import shorten

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")

# Long texts would make Kedro-Viz's table unreadable.
PREVIEW_CHARACTERS = 160


class LocalDataset(AbstractDataset[Saved, Loaded]):
    """A file or a folder on this machine."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class InputDataset(LocalDataset[NoReturn, Loaded]):
    """What people, other stages or nodes write: no run saves it, and it need not be there.

    `refusal` says why, after the name.
    """

    refusal: ClassVar[str]

    def save(self, data: NoReturn) -> None:
        """Refuse.

        Raises:
            DatasetError: always.
        """
        raise DatasetError(f"{self._filepath} {self.refusal}")

    def _exists(self) -> bool:
        return True


def preview_rows(rows: list[dict[str, object]]) -> TablePreview:
    """Make the table that Kedro-Viz shows of some rows; long values are shortened."""
    columns = list(rows[0]) if rows else []
    data = [[_preview(row[column]) for column in columns] for row in rows]
    return TablePreview({"index": list(range(len(rows))), "columns": columns, "data": data})


def _preview(value: object) -> str:
    return "" if value is None else shorten(value, PREVIEW_CHARACTERS)


class FolderDataset(InputDataset[Path]):
    """Gives a node the path of a folder, which need not exist, to work and to keep things in."""

    refusal = "is an input only: the node writes into it itself"

    def load(self) -> Path:
        """Give the path."""
        return self._filepath


class MovedFolderDataset(LocalDataset[Path, Path]):
    """Moves a finished folder to its place, and gives its path.

    For what is too large to pass from node to dataset: the node fills a folder on the same disk (a
    `FolderDataset`) and returns its path. The folder that was there before stays until then.
    """

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: Path) -> None:
        """Move the folder."""
        move_folder(data, self._filepath)


class OptionalPartitionsDataset(PartitionedDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """Kedro's PartitionedDataset, for files that people or earlier runs put there, or did not.

    Kedro's own refuses an empty folder, and so would every run before the first file.
    """

    def load(self) -> dict[str, Callable[[], Any]]:
        """List what reads each file, by its name without the suffix, versions as they were made."""
        self._invalidate_caches()
        found = dict(super().load()) if super()._exists() else {}
        return {name: found[name] for name in order_versions(Path(self._path), found)}

    def _exists(self) -> bool:
        return True


class CacheDataset(InputDataset[Cache]):
    """Opens a cache of answers or responses, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.
    """

    refusal = "is a cache: put values, do not save it"

    def load(self) -> Cache:
        """Open the cache; without a file it is empty."""
        return Cache(self._filepath)


class VersionsInOrder:
    """Takes the version that was made last for the latest, whatever the clock says.

    Comes before a class of Kedro's; it is none itself, because Kedro would give it that class's
    constructor.
    """

    _filepath: PurePosixPath
    resolve_save_version: Callable[[], str | None]

    def _get_versions(self) -> list[str]:
        """List the versions there are, the last one made first."""
        found = super()._get_versions()  # type: ignore[misc]
        paths = {Path(path).parent.name: str(path) for path in found}
        return [paths[name] for name in reversed(order_versions(Path(self._filepath), paths))]

    def _record(self) -> None:
        """Record the version that is about to be saved, where there are versions."""
        version = self.resolve_save_version()
        if version:
            record_version(Path(self._filepath), version)

"""A folder as a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import DatasetError
from kedro_datasets.partitions import PartitionedDataset

from tuneline.datasets.local import LocalDataset
from tuneline.utils.caches import Cache
from tuneline.utils.files import move_folder
from tuneline.utils.hashing import order_versions


class FolderDataset(LocalDataset[None, Path]):
    """Gives a node the path of a folder, which need not exist, to work and to keep things in."""

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: None) -> None:
        """Refuse: the folder is the node's own to write to."""
        raise DatasetError(f"{self._filepath} is an input only: the node writes into it itself")

    def _exists(self) -> bool:
        return True


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


class CacheDataset(LocalDataset[NoReturn, Cache]):
    """Opens a cache of answers or responses, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.
    """

    def load(self) -> Cache:
        """Open the cache; without a file it is empty."""
        return Cache(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: values are put one by one."""
        raise DatasetError(f"{self._filepath} is a cache: put values, do not save it")

    def _exists(self) -> bool:
        return True

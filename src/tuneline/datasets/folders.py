"""A folder as a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.partitions import PartitionedDataset

from tuneline.hub.cache import find_hub_cache
from tuneline.utils.caches import Cache
from tuneline.utils.disks import measure_volume
from tuneline.utils.files import replace_whole_folder
from tuneline.utils.hashing import order_versions


class FolderDataset(AbstractDataset[None, Path]):
    """Gives a node the path of a folder in which it may keep what outlives the run.

    Args:
        filepath: the folder; it need not exist.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: None) -> None:
        """Refuse: the folder is the node's own to write to."""
        raise DatasetError(f"{self._filepath} is an input only: the node writes into it itself")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class FilledFolderDataset(AbstractDataset[Callable[[Path], None], Path]):
    """Lets a node's function fill an empty folder, which then takes its place; gives its path.

    For what is too large to pass from node to dataset. Whatever the function raises, the folder
    that stood there before is still there and nothing half-written is left next to it.

    Args:
        filepath: the folder.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Give the path."""
        return self._filepath

    def save(self, data: Callable[[Path], None]) -> None:
        """Fill an empty folder next to the old one and put it in its place."""
        with replace_whole_folder(self._filepath) as folder:
            data(folder)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


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


class CacheDataset(AbstractDataset[NoReturn, Cache]):
    """Opens a cache of answers or responses, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.

    Args:
        filepath: the file; made when the first value is put.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Cache:
        """Open the cache; without a file it is empty."""
        return Cache(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: values are put one by one."""
        raise DatasetError(f"{self._filepath} is a cache: put values, do not save it")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


# Stands for wherever huggingface_hub keeps what it downloads.
HUB_CACHE = "hub_cache"


class VolumesDataset(AbstractDataset[None, dict[str, dict[str, Any]]]):
    """Measures the free space where something is going to be written.

    Args:
        folders: by purpose; they need not exist. `hub_cache` stands for the hub client's cache.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, folders: dict[str, str], metadata: dict[str, Any] | None = None) -> None:
        self._folders = folders
        self.metadata = metadata

    def load(self) -> dict[str, dict[str, Any]]:
        """Measure.

        Returns:
            By purpose: `folder`, `volume` (equal numbers share one disk) and `free_gb`
            (10^9 bytes).
        """
        return {purpose: _measure(folder) for purpose, folder in self._folders.items()}

    def save(self, data: None) -> None:
        """Refuse: there is nothing to write."""
        raise DatasetError("free space is measured, not written")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"folders": self._folders}


def _measure(folder: str) -> dict[str, Any]:
    volume = measure_volume(find_hub_cache() if folder == HUB_CACHE else Path(folder))
    return {
        "folder": str(volume.folder),
        "volume": volume.device,
        "free_gb": round(volume.free / 1e9, 3),
    }

"""Free space of the disks that matter."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from tuneline.hub_cache.place import find_hub_cache
from tuneline.volumes import measure_volume

# Stands for wherever the hub's client keeps what it downloads.
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

"""A folder of files that may have none yet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro_datasets.partitions import PartitionedDataset

from tuneline.versions import order_versions


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

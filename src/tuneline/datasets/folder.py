"""A folder as a value."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError


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

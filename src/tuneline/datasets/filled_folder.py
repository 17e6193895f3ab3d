"""A folder that a node knows how to fill, and that appears only when it is whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tuneline.files import replace_whole_folder


class FilledFolderDataset(AbstractDataset[Callable[[Path], None], Path]):
    """Lets a node's function fill an empty folder, which then takes its place; gives its path.

    For what is too large to pass from node to dataset. Whatever the function raises, the folder
    that stood there before is still there and nothing half-written is left beside it.

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
        """Fill an empty folder beside the old one and put it in its place."""
        with replace_whole_folder(self._filepath) as folder:
            data(folder)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

"""The folder that is uploaded as it is."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from tuneline.datasets.adapter import write_adapter
from tuneline.files import replace_whole_folder
from tuneline.release import Release


class ReleaseFolderDataset(AbstractDataset[Release, Path]):
    """Writes a release as the files that a repository will hold, and gives their folder.

    The folder appears only when it is whole, and holds nothing of the release before it.

    Args:
        filepath: the folder.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """Give the folder."""
        return self._filepath

    def save(self, data: Release) -> None:
        """Write the release."""
        with replace_whole_folder(self._filepath) as folder:
            write_adapter(folder, data.adapter)
            for name, text in data.texts.items():
                (folder / name).write_text(text, encoding="utf-8")

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

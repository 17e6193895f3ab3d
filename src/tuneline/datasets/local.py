"""What datasets of this machine's own files and folders have in common."""

from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from tuneline.utils.terminal import shorten

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")

# Long texts would make Kedro-Viz's table unreadable.
PREVIEW_CHARACTERS = 160


class LocalDataset(AbstractDataset[Saved, Loaded]):
    """A file or a folder on this machine.

    Args:
        filepath: where it is.
        metadata: what Kedro-Viz reads.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def preview_rows(rows: list[dict[str, object]]) -> TablePreview:
    """Make the table that Kedro-Viz shows of some rows; long values are shortened."""
    columns = list(rows[0]) if rows else []
    data = [[_preview(row[column]) for column in columns] for row in rows]
    return TablePreview({"index": list(range(len(rows))), "columns": columns, "data": data})


def _preview(value: object) -> str:
    return "" if value is None else shorten(value, PREVIEW_CHARACTERS)

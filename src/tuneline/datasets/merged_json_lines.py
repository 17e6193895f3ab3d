"""Raw rows that a stage has merged: written whole, read in batches as any other raw rows."""

from pathlib import Path
from typing import Any

from tuneline.datasets.json_lines import JSONLinesDataset
from tuneline.datasets.raw_json import RawJSONDataset


class MergedJSONLinesDataset(RawJSONDataset):
    """Reads JSON lines in batches, and writes those that `synthesise` merged.

    What people wrote lies in other files, which never change.

    Args:
        filepath: the file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def save(self, data: list[dict[str, Any]]) -> None:  # type: ignore[override]
        """Write all rows; the file appears under its name only when it is whole."""
        JSONLinesDataset(filepath=self._filepath).save(data)

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

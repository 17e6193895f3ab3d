"""A summary that is ready only when the streams beside it are through."""

from pathlib import Path
from typing import Any

import orjson
from kedro.io import AbstractDataset
from kedro_datasets._typing import JSONPreview

from tuneline.files import replace_whole
from tuneline.streams import Stream


class SummaryJSONDataset(AbstractDataset[Stream[dict[str, Any]], dict[str, Any]]):
    """Writes the one object of a stream as JSON; reads the object.

    Args:
        filepath: the file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict[str, Any]:
        """Read the object."""
        return dict(orjson.loads(self._filepath.read_bytes()))

    def save(self, data: Stream[dict[str, Any]]) -> None:
        """Write the object that the stream holds; what the stream raises behind it comes after."""
        for summary in data:
            with replace_whole(self._filepath) as file:
                file.write(orjson.dumps(summary, option=orjson.OPT_INDENT_2))

    def preview(self) -> JSONPreview:
        """Show the whole object in Kedro-Viz."""
        return JSONPreview(self._filepath.read_text(encoding="utf-8"))

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

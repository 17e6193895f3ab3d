"""CSV files that are written as a stream and read lazily."""

from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from tuneline.datasets.previews import preview_rows
from tuneline.files import replace_whole
from tuneline.streams import Stream, map_ahead, run_ahead


class StreamedCSVDataset(AbstractDataset[Stream[pl.DataFrame], pl.LazyFrame]):
    """Writes a stream of tables to one CSV file; reads it back as a lazy table of text.

    Every column comes back as text and an empty cell as an empty text, so that the words NA, None
    and null survive. The file appears under its name only when it is whole.

    Args:
        filepath: the CSV file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pl.LazyFrame:
        """Answer with the table, of which nothing is read yet."""
        return pl.scan_csv(self._filepath, infer_schema=False, empty_string_is_null=False)

    def save(self, data: Stream[pl.DataFrame]) -> None:
        """Write every table of the stream, the header once."""
        with replace_whole(self._filepath) as file:
            tables = run_ahead(iter(data))
            for text in map_ahead(_encode, enumerate(tables)):
                file.write(text)

    def preview(self, rows: int = 8) -> TablePreview:
        """Show the first rows in Kedro-Viz."""
        return preview_rows(self.load().head(rows).collect().to_dicts())

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _encode(numbered: tuple[int, pl.DataFrame]) -> bytes:
    place, table = numbered
    text = BytesIO()
    table.write_csv(text, include_header=place == 0)
    return text.getvalue()

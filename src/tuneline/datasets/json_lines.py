"""JSON lines: one object a line, as examples and answers are kept."""

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from tuneline.datasets.previews import preview_rows
from tuneline.errors import Problem, TunelineError
from tuneline.files import replace_whole


class JSONLinesDataset(AbstractDataset[list[dict[str, Any]], list[dict[str, Any]]]):
    """Writes and reads a list of objects, one JSON line each.

    The file appears under its name only when it is whole.

    Args:
        filepath: the file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> list[dict[str, Any]]:
        """Read all objects.

        Raises:
            TunelineError: naming the first line that is not a JSON object.
        """
        with self._filepath.open("rb") as file:
            return [self._parse(line, number) for number, line in enumerate(file, start=1)]

    def save(self, data: list[dict[str, Any]]) -> None:
        """Write all objects."""
        with replace_whole(self._filepath) as file:
            file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in data)

    def preview(self, rows: int = 8) -> TablePreview:
        """Show the first objects in Kedro-Viz."""
        with self._filepath.open("rb") as file:
            return preview_rows([_flatten(orjson.loads(line)) for line in islice(file, rows)])

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            return dict(orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError, ValueError) as error:
            raise TunelineError(
                Problem(
                    where=f"{self._filepath} line {number}",
                    value=line.decode("utf-8", "backslashreplace").strip(),
                    wrong=f"it is not a JSON object ({error})",
                    matters="the file was changed by hand or cut off",
                    remedy="run the stage that makes it again",
                )
            ) from error

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _flatten(row: dict[str, Any]) -> dict[str, object]:
    """Show the words of messages rather than their JSON."""
    return {key: _words(value) for key, value in row.items()}


def _words(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return " / ".join(str(message.get("content", message)) for message in value)
    return value

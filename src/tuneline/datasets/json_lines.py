"""Lists of objects, one JSON line each."""

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from kedro_datasets._typing import TablePreview

from tuneline.datasets.folders import LocalDataset, preview_rows
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.errors import Problem, TunelineError
from tuneline.utils.files import replace_whole
from tuneline.utils.locks import hold


class JSONLinesDataset(LocalDataset[list[dict[str, Any]], list[dict[str, Any]]]):
    """Writes and reads a list of objects, one JSON line each.

    The file appears under its name only when it is whole.
    """

    _remedy = "run the stage that makes it again"

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
                    remedy=self._remedy,
                )
            ) from error


class GrowingJSONLinesDataset(JSONLinesDataset):
    """Adds objects to those that are there, and reads them all. Nothing is ever taken out.

    Several processes may add at once: one after the other reads the file and writes it whole, so
    that a kill leaves the file before or the file after. Of objects that differ in their `date` at
    most, the one that is there stays. A file that is not there holds none.
    """

    _remedy = "correct the line, or move it into another file"

    def load(self) -> list[dict[str, Any]]:
        """Read all objects.

        Raises:
            TunelineError: naming the first line that is not a JSON object.
        """
        return super().load() if self._filepath.exists() else []

    def save(self, data: list[dict[str, Any]]) -> None:
        """Add the objects that are not there yet; without any, the file that is there stays.

        Raises:
            TunelineError: if a line that is there cannot be read; the file stays as it is.
        """
        lock = hold(self._filepath.parent / ".locks", self._filepath.name)
        try:
            rows = self.load()
            before = len(rows)
            known = {self._identify(row) for row in rows}
            for row in data:
                if self._identify(row) not in known:
                    known.add(self._identify(row))
                    rows.append(row)
            if len(rows) > before or not self._filepath.exists():
                super().save(rows)
        finally:
            lock.release()

    def preview(self, rows: int = 8) -> TablePreview:
        """Show the first objects in Kedro-Viz."""
        return super().preview(rows) if self._filepath.exists() else preview_rows([])

    def _exists(self) -> bool:
        return True

    def _identify(self, row: dict[str, Any]) -> bytes:
        told = {key: value for key, value in row.items() if key != "date"}
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def _flatten(row: dict[str, Any]) -> dict[str, object]:
    """Show the words of messages rather than their JSON."""
    return {key: _words(value) for key, value in row.items()}


def _words(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return " / ".join(str(message.get("content", message)) for message in value)
    return value


class MergedJSONLinesDataset(RawJSONDataset):
    """Reads JSON lines in batches, and writes those that `synthesize` merged.

    What people wrote lies in other files, which never change.
    """

    def save(self, data: list[dict[str, Any]]) -> None:  # type: ignore[override]
        """Write all rows; the file appears under its name only when it is whole."""
        JSONLinesDataset(filepath=self._filepath).save(data)

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

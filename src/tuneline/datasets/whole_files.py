"""Kedro's own datasets, written whole, and read with a sentence where a file is broken."""

import re
from collections.abc import Callable
from csv import QUOTE_NONNUMERIC
from importlib import import_module
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
import pandas as pd
from kedro_datasets import json, pandas, plotly, text
from kedro_datasets._typing import HTMLPreview, TablePreview
from pydantic import BaseModel

from tuneline.datasets.folders import LocalDataset, VersionsInOrder, preview_rows
from tuneline.datasets.raw_json import RawJSONDataset
from tuneline.errors import Problem, TunelineError
from tuneline.utils.files import name_unreadable, replace_by_name, replace_whole
from tuneline.utils.hashing import open_seal, seal_value
from tuneline.utils.locks import hold
from tuneline.utils.terminal import FORMULA_START

AGAIN = "run the stage that makes it again"
# A cell that has our mark before the start of a formula gets one more, so that every text comes
# back as it was.
FORMULA = re.compile(f"'*{FORMULA_START}")
MARKED = re.compile(f"'+{FORMULA_START}")
UTF_8 = {
    "open_args_save": {"mode": "w", "encoding": "utf-8"},
    "open_args_load": {"mode": "r", "encoding": "utf-8"},
}


class _Whole(VersionsInOrder):
    """Lets Kedro's dataset write next to the file, which then takes its place.

    `__wrapped__` is a method of Kedro's without the logging around it.
    """

    _partial: Path | None = None
    _get_load_path: Callable[[], PurePosixPath]

    def load(self) -> Any:
        """Read the file.

        Raises:
            TunelineError: if it is not what was written.
        """
        path = Path(self._get_load_path())
        with name_unreadable(path, AGAIN):
            return super().load.__wrapped__(self)  # type: ignore[misc,attr-defined]

    def save(self, data: Any) -> None:
        """Write the file; it appears under its name only when it is whole."""
        path = Path(self._get_save_path())
        with replace_by_name(path) as partial:
            self._partial = partial
            try:
                super().save.__wrapped__(self, data)  # type: ignore[misc,attr-defined]
            finally:
                self._partial = None
            self._record()

    def _get_save_path(self) -> PurePosixPath:
        if self._partial:
            return PurePosixPath(self._partial)
        return super()._get_save_path()  # type: ignore[misc,no-any-return]


class JSONDataset(_Whole, json.JSONDataset):  # type: ignore[misc]  # kedro-datasets has no types
    """Kedro's JSONDataset. An object carries its own SHA-256 as the key `sha256`."""

    DEFAULT_SAVE_ARGS = {"ensure_ascii": False, "indent": 2}  # noqa: RUF012 - as Kedro states it
    DEFAULT_FS_ARGS = UTF_8

    def load(self) -> Any:
        """Read the value.

        Raises:
            TunelineError: if it is not what was written.
        """
        with name_unreadable(Path(self._get_load_path()), AGAIN):
            value = super().load()
            return open_seal(value) if isinstance(value, dict) else value

    def save(self, data: Any) -> None:
        """Write the value."""
        super().save(seal_value(data) if isinstance(data, dict) else data)


class BlockDataset(JSONDataset):
    """A block of parameters as JSON; `block` is its model, by its module and its name."""

    def __init__(self, *, block: str, **options: Any) -> None:
        super().__init__(**options)
        module, _, name = block.rpartition(".")
        self._block: type[BaseModel] = getattr(import_module(module), name)

    def load(self) -> BaseModel:
        """Read the block.

        Raises:
            TunelineError: if it is not what was written.
        """
        return self._block.model_validate(super().load())

    def save(self, data: BaseModel) -> None:
        """Write the block."""
        super().save(data.model_dump(mode="json"))


class CSVDataset(_Whole, pandas.CSVDataset):  # type: ignore[misc]
    """Kedro's CSVDataset of pandas, without its index.

    A text that a spreadsheet would take for a formula has a `'` before it in the file.
    """

    # Texts in quotes: Python's csv would leave a carriage return bare, which then ends a row.
    DEFAULT_SAVE_ARGS = {"index": False, "quoting": QUOTE_NONNUMERIC}  # noqa: RUF012

    def load(self) -> pd.DataFrame:
        """Read the table.

        Raises:
            TunelineError: if it is not what was written.
        """
        return _map_texts(super().load(), lambda text: text[1:] if MARKED.match(text) else text)

    def save(self, data: pd.DataFrame) -> None:
        """Write the table."""
        super().save(_map_texts(data, lambda text: f"'{text}" if FORMULA.match(text) else text))


class TextDataset(_Whole, text.TextDataset):  # type: ignore[misc]
    """Kedro's TextDataset."""

    DEFAULT_FS_ARGS = UTF_8


class HTMLDataset(TextDataset):
    """A page, which Kedro-Viz shows."""

    def preview(self) -> HTMLPreview:
        """Give the page."""
        return HTMLPreview(self.load())


class PlotlyDataset(_Whole, plotly.JSONDataset):  # type: ignore[misc]
    """Kedro's JSONDataset of plotly."""


def _map_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Change the texts of a table, those of its header among them, and nothing else."""

    def change_text(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    texts = [name for name in table if table[name].dtype in ("object", "string", "str")]
    changed = table.copy(deep=False)
    for name in texts:
        changed[name] = table[name].map(change_text)
    return changed.rename(columns=change_text)


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


class OptionalJSONDataset(JSONDataset):
    """A JSONDataset for a file that may not be there: then it holds an empty object."""

    def load(self) -> Any:
        """Read the object; empty where there is no file."""
        return super().load() if super()._exists() else {}

    def _exists(self) -> bool:
        return True

"""Kedro's own datasets, written whole, and read with a sentence where a file is broken."""

import re
from collections.abc import Callable
from csv import QUOTE_NONNUMERIC
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
from kedro_datasets import json, pandas, plotly, text
from kedro_datasets._typing import HTMLPreview
from pydantic import BaseModel

from tuneline.datasets.folders import VersionsInOrder
from tuneline.utils.files import name_unreadable, replace_by_name
from tuneline.utils.hashing import open_seal, seal_value
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


class OptionalJSONDataset(JSONDataset):
    """A JSONDataset for a file that may not be there: then it holds an empty object."""

    def load(self) -> Any:
        """Read the object; empty where there is no file."""
        return super().load() if super()._exists() else {}

    def _exists(self) -> bool:
        return True

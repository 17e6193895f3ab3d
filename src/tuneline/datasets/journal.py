"""Journals of finished work."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from tuneline.journal import Journal


class JournalDataset(AbstractDataset[NoReturn, Journal]):
    """Opens a journal, which a node reads and adds to while it works.

    The one kind of dataset that a node writes to itself: what is finished must survive the node.

    Args:
        filepath: the file; made when the first entry is recorded.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Journal:
        """Open the journal; without a file it is empty."""
        return Journal(self._filepath)

    def save(self, data: NoReturn) -> None:
        """Refuse: entries are recorded one by one."""
        raise DatasetError(f"{self._filepath} is a journal: record entries, do not save it")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

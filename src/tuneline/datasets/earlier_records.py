"""What earlier runs and stages have recorded, as far as it is there."""

import logging
from pathlib import Path
from typing import Any

from tuneline.datasets.folders import InputDataset
from tuneline.errors import TunelineError
from tuneline.reporting.stage_records import AGAIN, read_stages
from tuneline.utils.hashing import read_sealed

log = logging.getLogger(__name__)


class EarlierRecordsDataset(InputDataset[list[dict[str, Any]]]):
    """Reads the records of earlier runs, the last one first; there may be none."""

    refusal = "is an input only: each run writes its own record"

    def __init__(
        self, *, filepath: str, pattern: str, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._pattern = pattern

    def load(self) -> list[dict[str, Any]]:
        """Read those records that can be read: a broken one of long ago must stop no run."""
        paths = sorted(
            self._filepath.glob(self._pattern), key=lambda path: -path.stat().st_mtime_ns
        )
        return [record for path in paths if (record := _read(path))]


class StageRecordsDataset(InputDataset[dict[str, Any]]):
    """Reads what the stages of a use case have left, as far as they were run."""

    refusal = "is an input only: each stage writes its own files"

    def __init__(
        self, *, filepath: str, use_case: str, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._use_case = use_case

    def load(self) -> dict[str, Any]:
        """Read it, as `read_stages` gives it."""
        return read_stages(self._filepath, self._use_case)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_sealed(path, AGAIN)
    except TunelineError as error:
        log.warning("%s is left out: %s", path, error)
        return None

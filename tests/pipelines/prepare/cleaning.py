"""Cleaning a raw file as the node does it."""

import tempfile
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from tuneline.parameters import Data
from tuneline.pipelines.prepare.nodes import clean_rows
from tuneline.streaming import RowSource

# A cleaning report on rows of which none was rejected.
ALL_CLEAN: dict[str, Any] = {"reasons": {}}


class Raw(Protocol):
    """A dataset of raw rows."""

    def load(self) -> RowSource:
        """Give the rows."""


def _parts(path: Path) -> list[Path]:
    return sorted(path.glob("part-*.csv")) if path.is_dir() else [path]


def clean(raw: Raw, data: Data) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Give clean rows, rejected rows and the report; `line` is a number."""
    with tempfile.TemporaryDirectory() as folder:
        *files, report = clean_rows(raw.load(), data, Path(folder))
        kept, rejected = (
            pl.scan_csv(_parts(path), infer_schema=False, empty_string_is_null=False)
            .with_columns(pl.col("line").cast(pl.Int64))
            .collect()
            for path in files
        )
    return kept, rejected, report

"""Raw rows as CSV: records, their cells and lines, and which line is to blame for a bad one."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from tuneline.datasets.csv_records import CSVRecords, Record
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import RawDataset, check_fields, check_repeated
from tuneline.datasets.raw_decoding import RowDecoder
from tuneline.datasets.source_files import FileRows
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import Fields, RowSource
from tuneline.utils.limits import Limits

ROWS_PER_BATCH, BYTES_PER_BATCH = 10_000, 32 << 20
ENDINGS = (".csv", ".tsv", ".txt")


class RawCSVDataset(RawDataset):
    """Reads rows of CSV files, in batches; the first record of each names the columns.

    Every cell is text, and an empty cell an empty text. `line` is where a row begins in the file;
    of several files, the lines of the later ones count on. `filepath` may be a folder or a pattern
    with `*`; `.gz`, `.zst`, `.bz2`, `.xz` and `.zip` are decompressed. The separator is found in
    the header if it is not given.
    """

    def __init__(
        self,
        *,
        filepath: str,
        separator: str | None = None,
        encoding: str = "utf-8",
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._separator, self._encoding = separator, encoding

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet.

        Raises:
            TunelineError: if no such separator is possible.
        """
        if self._separator is not None and (
            len(self._separator) != 1 or self._separator in '"\r\n'
        ):
            raise TunelineError(self._no_separator(self._separator))
        return _CSVRows(self._filepath, self._encoding, self._separator, self.limits)

    def _no_separator(self, separator: str) -> Problem:
        return Problem(
            where=f"{self._filepath}: separator",
            value=repr(separator),
            wrong="it is not one character that may be between two cells",
            matters="no row could be divided into cells",
            remedy='name one in the catalog, such as ";" or "\\t", in double quotes; or leave it '
            "out, and it is found in the header",
        )


def read_header(path: str, limits: Limits | None = None) -> list[str]:
    """Read the names of a file's columns."""
    return CSVRecords(RawFile(path, limits=limits)).header


class _CSVRows(FileRows):
    """Rows of CSV files. See `RowSource`."""

    def __init__(self, path: str, encoding: str, separator: str | None, limits: Limits) -> None:
        super().__init__(path, ENDINGS, encoding, limits)
        self._separator = separator

    def read_file(self, file: RawFile, fields: Fields) -> Iterator[pl.DataFrame]:
        """Read the batches of one file."""
        records = CSVRecords(file, self._separator)
        check_fields(file.path, fields, set(records.header), "the lines")
        check_repeated(file.path, fields, records.header)
        decoder = RowDecoder(fields, file.encoding)
        for place, batch in enumerate(_divide(iter(records))):
            numbered = pl.Series([number for number, _, _ in batch], dtype=pl.Int64)
            originals = [original for _, original, _ in batch]
            decoded = decoder.decode_objects(row for _, _, row in batch)
            if place == 0 and decoded.encoded_otherwise:
                raise TunelineError(file.describe_encoding())
            yield decoder.tabulate(decoded, originals, numbered)


def _divide(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Make batches; a header without rows makes an empty one, which still names the columns."""
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record[1])
        if len(batch) == ROWS_PER_BATCH or size > BYTES_PER_BATCH:
            yield batch
            batch, size = [], 0
    yield batch

"""Raw rows as CSV."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import polars as pl

from tuneline.datasets.csv_records import CSVRecords
from tuneline.datasets.decoding import RowDecoder, Unreadable
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw import RawDataset, check_fields, check_repeated
from tuneline.datasets.sources import FileRows
from tuneline.errors import Problem, TunelineError
from tuneline.rows import Fields, RowSource

ROWS_PER_BATCH = 10_000
ENDINGS = (".csv", ".tsv", ".txt")


class RawCSVDataset(RawDataset):
    """Reads rows of CSV files, in batches; the first record of each names the columns.

    Every cell is text, and an empty cell an empty text. `line` is where a row begins in the file;
    of several files, the lines of the later ones count on.

    Args:
        filepath: the file, a folder or a pattern with `*`, at any address that fsspec knows; `.gz`,
            `.zst`, `.bz2`, `.xz` and `.zip` are decompressed.
        separator: between two cells; found in the header if it is not given.
        encoding: of the file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(
        self,
        *,
        filepath: str,
        separator: str | None = None,
        encoding: str = "utf-8",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
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
        return _CSVRows(self._filepath, self._encoding, self._separator)

    def _no_separator(self, separator: str) -> Problem:
        return Problem(
            where=f"{self._filepath}: separator",
            value=repr(separator),
            wrong="it is not one character that may be between two cells",
            matters="no row could be divided into cells",
            remedy='name one in the catalog, such as ";" or "\\t", in double quotes; or leave it '
            "out, and it is found in the header",
        )


def read_header(path: str) -> list[str]:
    """Read the names of a file's columns."""
    return CSVRecords(RawFile(path)).header


def read_rows(path: str) -> Iterator[dict[str, str]]:
    """Read all cells of every row that can be read, by the names of their columns."""
    records = CSVRecords(RawFile(path))
    return (row for _, _, row in records if not isinstance(row, Unreadable))


class _CSVRows(FileRows):
    """Rows of CSV files. See `RowSource`."""

    def __init__(self, path: str, encoding: str, separator: str | None) -> None:
        super().__init__(path, ENDINGS, encoding)
        self._separator = separator

    def read_file(self, file: RawFile, fields: Fields) -> Iterator[pl.DataFrame]:
        """Read the batches of one file."""
        records = CSVRecords(file, self._separator)
        check_fields(file.path, fields, set(records.header), "the lines")
        check_repeated(file.path, fields, records.header)
        decoder = RowDecoder(fields, file.encoding)
        rows_left, first = iter(records), True
        while True:  # a header without rows makes one empty batch, which still names the columns
            batch = list(islice(rows_left, ROWS_PER_BATCH))
            numbered = pl.Series([number for number, _, _ in batch], dtype=pl.Int64)
            originals = [original for _, original, _ in batch]
            decoded = decoder.decode_objects(row for _, _, row in batch)
            if first and decoded.encoded_otherwise:
                raise TunelineError(file.describe_encoding())
            first = False
            yield decoder.tabulate(decoded, originals, numbered)
            if len(batch) < ROWS_PER_BATCH:
                return

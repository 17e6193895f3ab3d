"""Raw rows as CSV."""

import codecs
import csv
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import polars as pl

from tuneline.datasets.decoding import RowDecoder, Unreadable, describe_byte
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw import RawDataset, check_fields, check_repeated, name_columns
from tuneline.datasets.raw_json import split_lines
from tuneline.rows import Fields, RowSource, Work
from tuneline.streams import map_ahead, run_ahead

ROWS_PER_BATCH = 10_000
SEPARATORS = ",;\t|"
# One cell may be as long as a book.
csv.field_size_limit(1 << 30)


class RawCSVDataset(RawDataset):
    """Reads rows of a CSV file, in batches; its first record names the columns.

    Every cell is text, and an empty cell an empty text. `line` is where a row begins in the file.

    Args:
        filepath: the file, at any address that fsspec knows; `.gz`, `.zst`, `.bz2` and `.xz` are
            decompressed.
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
        """Answer with the rows, none of them read yet."""
        return _CSVRows(RawFile(self._filepath, self._encoding), self._separator)


def read_header(path: str) -> list[str]:
    """Read the names of a file's columns."""
    return _Records(RawFile(path).chunks(), None).header


def read_rows(path: str) -> Iterator[dict[str, str]]:
    """Read all cells of every row that can be read, by the names of their columns."""
    records = _Records(RawFile(path).chunks(), None)
    return (row for _, _, row in records if not isinstance(row, Unreadable))


class _CSVRows:
    """Rows of one file. See `RowSource`."""

    def __init__(self, file: RawFile, separator: str | None) -> None:
        self._file, self._separator = file, separator

    @property
    def share(self) -> float | None:
        return self._file.share

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, run_ahead(self._read(fields)))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        records = _Records(self._file.chunks(), self._separator)
        check_fields(self._file.path, fields, set(records.header), "the lines")
        check_repeated(self._file.path, fields, records.header)
        decoder = RowDecoder(fields)
        rows_left = iter(records)
        while True:  # a header without rows makes one empty batch, which still names the columns
            batch = list(islice(rows_left, ROWS_PER_BATCH))
            numbered = pl.Series([number for number, _, _ in batch], dtype=pl.Int64)
            originals = [original for _, original, _ in batch]
            decoded = decoder.decode_objects(row for _, _, row in batch)
            yield decoder.tabulate(decoded, originals, numbered)
            if len(batch) < ROWS_PER_BATCH:
                return


Row = dict[str, str] | Unreadable
Record = tuple[int, bytes, Row]


class _Records:
    """Records of a CSV file after its header: line, bytes, and the cells or why there are none."""

    def __init__(self, chunks: Iterator[bytes], separator: str | None) -> None:
        self._lines = chain.from_iterable(split_lines(chunks))
        first = next(self._lines, b"").removeprefix(codecs.BOM_UTF8)
        head = first.decode("utf-8", "backslashreplace")
        self._separator = separator or max(SEPARATORS, key=head.count)
        self._number, self._taken, self._again = 1, list[bytes](), deque([first] if first else [])
        self.header = self._read_header()

    def __iter__(self) -> Iterator[Record]:
        reader = self._restart()
        while True:
            found: Row
            try:
                found = self._name(next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                found = Unreadable(f"not CSV: {error}")
                if "end of data" in str(error):
                    # A quote swallowed the rest of the file; only its own line is to blame.
                    self._again.extendleft(reversed(self._taken[1:]))
                    found, self._taken = Unreadable("a quote is never closed"), self._taken[:1]
                reader = self._restart()
            yield self._finish(found)

    def _read_header(self) -> list[str]:
        try:
            cells = next(self._restart(), [])
        except csv.Error:
            return []
        self._number, self._taken = self._number + len(self._taken), []
        return name_columns(cells)

    def _restart(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._separator, strict=True)

    def _feed(self) -> Iterator[str]:
        while (line := self._next_line()) is not None:
            self._taken.append(line)
            yield line.decode("utf-8", "backslashreplace") + "\n"

    def _next_line(self) -> bytes | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _name(self, cells: list[str]) -> Row:
        if not cells:
            return Unreadable("empty line")
        if len(cells) != len(self.header):
            return Unreadable(f"cells not as in the header: {len(cells)}, not {len(self.header)}")
        return dict(zip(self.header, cells, strict=True))

    def _finish(self, found: Row) -> Record:
        number, original = self._number, b"\n".join(self._taken)
        self._number, self._taken = number + len(self._taken), []
        try:
            original.decode()
        except UnicodeDecodeError as error:
            found = Unreadable(describe_byte(error))
        return number, original, found

"""Raw rows as Parquet, read by row groups."""

from collections.abc import Iterator
from typing import Any

import fsspec
import msgspec
import polars as pl

from tuneline.datasets.json_shapes import list_columns
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import RawDataset, check_fields, refuse_empty
from tuneline.datasets.raw_decoding import RowDecoder, Unreadable, number_lines
from tuneline.datasets.source_files import FileRows
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import Fields, RowSource
from tuneline.utils.limits import STATED_IN, MemoryBudget, TooLargeError

ROWS_PER_BATCH = 2_000
BUFFER_BYTES = 1 << 20
# What Python takes for the values of a batch and their JSON, next to Arrow's own copy.
COPIES = 4
ENDINGS = (".parquet", ".pq")


class RawParquetDataset(RawDataset):
    """Reads rows of Parquet files, in batches.

    Columns are text, as in JSON; lists of messages are read as conversations. `line` is the row's
    place in the file, and of several files the later ones count on.
    """

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _ParquetRows(self._filepath, ENDINGS, "utf-8", self.limits)


class _ParquetRows(FileRows):
    """Rows of Parquet files. See `RowSource`."""

    def read_file(self, file: RawFile, fields: Fields) -> Iterator[pl.DataFrame]:
        """Read the batches of one file."""
        decoder, first = RowDecoder(fields), 1
        for objects in read_parquet(file):
            if first == 1:
                check_fields(file.path, fields, list_columns(objects), "the columns")
            originals = [_encode(one) for one in objects]
            too_long = (len(one) > file.limits.row_bytes for one in originals)
            rows: Iterator[Any] = (
                Unreadable(file.limits.too_long) if cut else one
                for cut, one in zip(too_long, objects, strict=True)
            )
            decoded = decoder.decode_objects(rows)
            yield decoder.tabulate(decoded, originals, number_lines(first, len(objects)))
            first += len(objects)
        if first == 1:
            refuse_empty(file.path)


def read_parquet(file: RawFile) -> Iterator[list[dict[str, Any]]]:
    """Read a file's rows as objects, a batch at a time; `file.share` grows.

    Raises:
        TunelineError: if it is no Parquet file that can be read, or a batch takes too much memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with fsspec.open(file.path, "rb") as opened:
            # Without its own buffer Arrow reads and keeps all row groups.
            table = pq.ParquetFile(opened, buffer_size=BUFFER_BYTES, pre_buffer=False)
            read, rows = 0, max(table.metadata.num_rows, 1)
            for batch in table.iter_batches(ROWS_PER_BATCH):
                MemoryBudget(file.limits).charge(COPIES * batch.nbytes, "a batch of rows")
                read += batch.num_rows
                file.share = min(1.0, read / rows)
                yield batch.to_pylist()
    except TooLargeError as error:
        raise TunelineError(_too_large(file, error)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TunelineError(_no_parquet(file, error)) from error


def _encode(row: dict[str, Any]) -> bytes:
    return msgspec.json.encode(row, enc_hook=str)


def _too_large(file: RawFile, error: TooLargeError) -> Problem:
    return Problem(
        where=file.path,
        wrong=f"the file is {error}",
        matters="it would fill the memory",
        remedy=f"leave out columns that no prompt needs, such as pictures, or raise `document_gb` "
        f"in {STATED_IN}",
    )


def _no_parquet(file: RawFile, error: Exception) -> Problem:
    return Problem(
        where=file.path,
        wrong=f"it is no Parquet file that can be read ({' '.join(str(error).split())})",
        matters="no row can be read",
        remedy="download or write it again",
    )

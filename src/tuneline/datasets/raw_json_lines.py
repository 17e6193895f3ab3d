"""Raw rows as JSON lines, plain or compressed, read in batches."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import fsspec
import orjson
import polars as pl
from kedro.io import AbstractDataset

from tuneline.errors import Problem, TunelineError, suggest
from tuneline.streams import RowSource

ROWS_PER_BATCH = 10_000
# The object that a line holds, or why it holds none.
Decoded = tuple[dict[str, Any] | None, str | None]


class RawJSONLinesDataset(AbstractDataset[Any, RowSource]):
    """Reads a file with one JSON object a line, in batches and never as a whole.

    Args:
        filepath: the file; `.gz` and other endings that fsspec knows are decompressed.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = filepath
        self.metadata = metadata

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _JSONLines(self._filepath)

    def save(self, data: Any) -> NoReturn:
        """Refuse: raw data never changes.

        Raises:
            TunelineError: always.
        """
        raise TunelineError(
            Problem(
                where=self._filepath,
                wrong="raw data was to be written",
                matters="raw data never changes in a run",
                remedy="write to another dataset",
            )
        )

    def _exists(self) -> bool:
        return Path(self._filepath).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}


class _JSONLines:
    """Rows of one file of JSON lines. See `RowSource`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def batches(self, identifier: str, columns: list[str]) -> Iterator[pl.DataFrame]:
        for number, lines in enumerate(self._line_batches()):
            first = number * ROWS_PER_BATCH + 1
            rows = [_decode(line) for line in lines]
            if number == 0:
                self._check_first(rows, [identifier, *columns])
            about = pl.DataFrame(
                {
                    "line": range(first, first + len(lines)),
                    "original": [_show(line) for line in lines],
                },
                schema={"line": pl.Int64, "original": pl.String},
            )
            yield about.hstack(_tabulate(rows, identifier, columns))

    def _line_batches(self) -> Iterator[list[bytes]]:
        read = 0
        try:
            with fsspec.open(self._path, "rb", compression="infer") as file:
                while lines := list(islice(file, ROWS_PER_BATCH)):
                    read += len(lines)
                    yield lines
        except (EOFError, zlib.error) as error:
            raise TunelineError(self._truncated(read, error)) from error
        except gzip.BadGzipFile as error:
            raise TunelineError(self._not_compressed(error)) from error
        if read == 0:
            raise TunelineError(
                Problem(
                    where=self._path,
                    wrong="the file is empty",
                    matters="there is nothing to learn from",
                    remedy="put the raw rows there, one JSON object a line",
                )
            )

    def _truncated(self, read: int, error: Exception) -> Problem:
        return Problem(
            where=self._path,
            wrong=f"the compressed file ends too early, after about line {read:,} ({error})",
            matters="the rows behind that point are missing",
            remedy="download or copy the file again",
        )

    def _not_compressed(self, error: Exception) -> Problem:
        return Problem(
            where=self._path,
            wrong=f"the name says gzip, the content does not ({error})",
            matters="it cannot be read",
            remedy="compress it with gzip, or drop the .gz from its name and from the catalog",
        )

    def _check_first(self, rows: list[Decoded], columns: list[str]) -> None:
        """Fail on a file of another kind at once, rather than reject its every row."""
        fields = {key for row, _ in rows for key in (row or {})}
        if not fields:
            raise TunelineError(
                Problem(
                    where=self._path,
                    wrong=f"none of the first {len(rows):,} lines is a JSON object",
                    matters="there is nothing to learn from",
                    remedy="give a file with one JSON object a line",
                )
            )
        missing = [column for column in columns if column not in fields]
        if missing:
            raise TunelineError(*(self._no_such_field(column, fields) for column in missing))

    def _no_such_field(self, column: str, fields: set[str]) -> Problem:
        return Problem(
            where=self._path,
            wrong=f"no row has the field `{column}`",
            matters="every row would be rejected",
            remedy=f"{suggest(column, fields)}, and name it in `data` of the use case's parameters",
        )


def _tabulate(rows: list[Decoded], identifier: str, columns: list[str]) -> pl.DataFrame:
    fields = {
        name: [_as_text((row or {}).get(name)) for row, _ in rows]
        for name in (identifier, *columns)
    }
    problems = [problem or _find_problem(row or {}, identifier, columns) for row, problem in rows]
    return pl.DataFrame(
        {"problem": problems} | fields, schema=dict.fromkeys(["problem", *fields], pl.String)
    )


def _decode(line: bytes) -> Decoded:
    if not line.strip():
        return None, "empty line"
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not JSON: {error}"
    if not isinstance(row, dict):
        return None, f"not a JSON object but {type(row).__name__}"
    return row, None


def _find_problem(row: dict[str, Any], identifier: str, columns: list[str]) -> str | None:
    for name in (identifier, *columns):
        if name not in row:
            return f"no field {name}"
        # A number identifies a row as well as a text does; as a text it is most likely a mistake.
        types = (str, int) if name == identifier else (str,)
        if not isinstance(row[name], types) or isinstance(row[name], bool):
            return f"{name} is not text but {type(row[name]).__name__}"
    return None


def _as_text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) else None


def _show(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").rstrip("\r\n")

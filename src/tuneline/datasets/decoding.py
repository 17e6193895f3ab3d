"""From raw objects to a table: which rows can be read, and why the others cannot."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson
import polars as pl

from tuneline.datasets.conversations import unfold_messages
from tuneline.rows import LINE, NOT_UTF8, Fields

REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# The wanted fields of a row, or why it cannot be read.
Decoded = msgspec.Struct | str


class RowDecoder:
    """Reads the wanted fields of raw rows.

    A line is decoded straight into the wanted fields, without the others. Only a line that this
    refuses is looked at again, to say why.

    Args:
        fields: what to read.
    """

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        # A field's name may be no name in Python: `Účinky na tělo`.
        self._slots = {name: f"f{number}" for number, name in enumerate(fields.names)}
        self._row = msgspec.defstruct(
            "Row",
            [(slot, *self._declare(name)) for name, slot in self._slots.items()],
            rename={slot: name for name, slot in self._slots.items()},
            kw_only=True,
            gc=False,
        )
        self._decode = msgspec.json.Decoder(self._row).decode

    def decode_lines(self, lines: Iterable[bytes]) -> list[Decoded]:
        """Read JSON objects, one a line."""
        rows: list[Decoded] = []
        decode, add = self._decode, rows.append
        for line in lines:
            try:
                add(decode(line))
            except REFUSALS:
                add(self._look_again(line))
        return rows

    def decode_object(self, row: Any) -> Decoded:
        """Read one object that is already parsed."""
        if not isinstance(row, dict):
            return f"not a JSON object but {type(row).__name__}"
        if isinstance(row.get("messages"), list) and not row.keys() >= set(self._fields.required):
            row = unfold_messages(row)
            if isinstance(row, str):
                return row
        problem = self._find_problem(row)
        return problem or self._row(
            **{slot: row[name] for name, slot in self._slots.items() if name in row}
        )

    def tabulate(
        self, rows: Sequence[Decoded], originals: Sequence[bytes], first: int
    ) -> pl.DataFrame:
        """Make the batch that a `RowSource` hands out.

        Args:
            rows: what was decoded.
            originals: the bytes of each row.
            first: number of the first row in its source.

        Returns:
            `line`, `original`, `problem` and a column of text for each field.
        """
        problems = [row if isinstance(row, str) else None for row in rows]
        about = {
            LINE: pl.int_range(first, first + len(rows), dtype=pl.Int64, eager=True),
            "original": pl.Series(originals, dtype=pl.Binary),
            "problem": pl.Series(problems, dtype=pl.String),
        }
        values = {
            name: _as_texts([getattr(row, slot, None) for row in rows])
            for name, slot in self._slots.items()
        }
        return pl.DataFrame(about | values)

    def _declare(self, name: str) -> tuple[Any, ...]:
        if name in self._fields.columns:
            return (str,)
        # A number identifies a row as well as a text does; in a column it is most likely a mistake.
        if name in self._fields.required:
            return (str | int,)
        return (str | int | list[str] | None, None)

    def _look_again(self, line: bytes) -> Decoded:
        if not line.strip():
            return "empty line"
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return f"{NOT_UTF8}: byte 0x{line[error.start]:02x} at {error.start}"
        try:
            return self.decode_object(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            return f"not JSON: {error}"

    def _find_problem(self, row: dict[str, Any]) -> str | None:
        for name in self._fields.required:
            if name not in row:
                return f"no field {name}"
        for name in self._slots:
            try:
                msgspec.convert(row.get(name), self._declare(name)[0], strict=True)
            except msgspec.ValidationError:
                return f"{name} is not text but {type(row[name]).__name__}"
        return None


def _as_texts(values: list[Any]) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.String)
    except TypeError:
        return pl.Series([_as_text(value) for value in values], dtype=pl.String)


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return "; ".join(value)
    return None if value is None else str(value)

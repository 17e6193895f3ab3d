"""From raw objects to a table: which rows can be read, and why the others cannot."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec
import orjson
import polars as pl

from tuneline.datasets.conversations import unfold_messages
from tuneline.rows import LINE, NOT_UTF8, Fields

REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Unreadable:
    """A raw row that holds no object.

    Attributes:
        reason: why.
    """

    reason: str


@dataclass
class Decoded:
    """Rows of which the wanted fields are read.

    Attributes:
        rows: one for each raw row; without any value where that cannot be read.
        problems: why a row cannot be read, by its place.
    """

    rows: list[msgspec.Struct] = field(default_factory=list)
    problems: dict[int, str] = field(default_factory=dict)

    @property
    def hopeless(self) -> bool:
        """Whether no row can be read."""
        return len(self.problems) == len(self.rows)


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
        self._nothing = self._row(**dict.fromkeys(self._slots.values()))
        self._decode = msgspec.json.Decoder(self._row).decode

    def decode_lines(self, lines: Iterable[bytes]) -> Decoded:
        """Read JSON objects, one a line."""
        decoded = Decoded()
        decode, add = self._decode, decoded.rows.append
        for line in lines:
            try:
                add(decode(line))
            except REFUSALS:
                self._add(self._look_again(line), decoded)
        return decoded

    def decode_objects(self, objects: Iterable[Any]) -> Decoded:
        """Read objects that are already parsed."""
        decoded = Decoded()
        for one in objects:
            known = isinstance(one, Unreadable)
            self._add(one.reason if known else self._read_object(one), decoded)
        return decoded

    def tabulate(
        self, decoded: Decoded, originals: Sequence[bytes], lines: pl.Series
    ) -> pl.DataFrame:
        """Make the batch that a `RowSource` hands out.

        Args:
            decoded: the rows.
            originals: the bytes of each row.
            lines: the number of each row in its source.

        Returns:
            `line`, `original`, `problem` and a column of text for each field.
        """
        problems = pl.Series([None], dtype=pl.String).new_from_index(0, len(decoded.rows))
        about = {
            LINE: lines,
            "original": pl.Series(originals, dtype=pl.Binary),
            "problem": problems.scatter(list(decoded.problems), list(decoded.problems.values())),
        }
        values = {
            name: _as_texts(list(map(attrgetter(slot), decoded.rows)))
            for name, slot in self._slots.items()
        }
        return pl.DataFrame(about | values)

    def _add(self, found: msgspec.Struct | str, decoded: Decoded) -> None:
        if isinstance(found, str):
            decoded.problems[len(decoded.rows)] = found
            found = self._nothing
        decoded.rows.append(found)

    def _read_object(self, row: Any) -> msgspec.Struct | str:
        if not isinstance(row, dict):
            return f"not a JSON object but {type(row).__name__}"
        if isinstance(row.get("messages"), list) and not row.keys() >= set(self._fields.required):
            row = unfold_messages(row)
            if isinstance(row, str):
                return row
        return self._find_problem(row) or self._row(
            **{slot: row[name] for name, slot in self._slots.items() if name in row}
        )

    def _declare(self, name: str) -> tuple[Any, ...]:
        if name in self._fields.columns:
            return (str,)
        # A number identifies a row as well as a text does; in a column it is most likely a mistake.
        if name in self._fields.required:
            return (str | int,)
        return (str | int | list[str] | None, None)

    def _look_again(self, line: bytes) -> msgspec.Struct | str:
        if not line.strip():
            return "empty line"
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return describe_byte(error)
        try:
            return self._read_object(orjson.loads(line))
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


def describe_byte(error: UnicodeDecodeError) -> str:
    """Say where bytes stop being UTF-8."""
    return f"{NOT_UTF8}: byte 0x{error.object[error.start]:02x} at {error.start}"


def number_lines(first: int, count: int) -> pl.Series:
    """Number rows that follow one another."""
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True)


def _as_texts(values: list[Any]) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.String)
    except TypeError:
        return pl.Series([_as_text(value) for value in values], dtype=pl.String)


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return "; ".join(value)
    return None if value is None else str(value)

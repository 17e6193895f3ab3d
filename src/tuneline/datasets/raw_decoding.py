"""From raw objects to a table: which rows can be read, and why the others cannot."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec
import orjson
import polars as pl

from tuneline.datasets.json_shapes import unfold
from tuneline.streaming import LINE, Fields
from tuneline.utils.limits import CutRow
from tuneline.utils.text import NOT_ENCODED, find_fault, is_utf8, show_marks

REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
NOTHING = "NoneType"
# What Python writes for a missing number, and JSON does not have; texts are matched to skip them.
NO_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)


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

    @property
    def encoded_otherwise(self) -> bool:
        """Whether all rows, or nearly all, are in another encoding than the one stated."""
        foreign = sum(bool(re.match(NOT_ENCODED, one)) for one in self.problems.values())
        return foreign > 0 and foreign >= 0.9 * len(self.rows)


class RowDecoder:
    """Reads the wanted fields of raw rows.

    A line is decoded straight into the wanted fields, without the others. Only a line that this
    refuses is looked at again, to say why.

    Args:
        fields: what to read.
        encoding: that the rows had before they became UTF-8.
    """

    def __init__(self, fields: Fields, encoding: str = "utf-8") -> None:
        self._fields, self._encoding = fields, encoding
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
        if not is_utf8(self._encoding):
            originals = [
                show_marks(one) if place in decoded.problems else one
                for place, one in enumerate(originals)
            ]
        problems = pl.Series([None], dtype=pl.String).new_from_index(0, len(decoded.rows))
        about = {
            LINE: lines,
            "original": pl.Series(originals, dtype=pl.Binary),
            "problem": problems.scatter(list(decoded.problems), list(decoded.problems.values())),
        }
        values = {
            name: _as_texts(
                list(map(attrgetter(slot), decoded.rows)),
                _as_json if name in (self._fields.conversation, self._fields.origin) else _as_text,
            )
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
        if not row.keys() >= set(self._fields.required):
            row = unfold(row)
            if isinstance(row, str):
                return row
        try:
            return msgspec.convert(row, self._row, strict=True)
        except msgspec.ValidationError as error:
            return self._find_problem(row) or str(error)

    def _declare(self, name: str) -> tuple[Any, ...]:
        if name == self._fields.conversation:
            return (str | list[Any],)
        if name in self._fields.columns:
            return (str,)
        # A number identifies a row as well as a text does; in a column it is most likely a mistake.
        if name in self._fields.required:
            return (str | int,)
        if name == self._fields.origin:
            return (str | dict[str, Any] | None, None)
        return (str | int | list[str] | None, None)

    def _look_again(self, line: bytes) -> msgspec.Struct | str:
        if isinstance(line, CutRow):
            return line.reason
        if not line.strip():
            return "empty line"
        if fault := find_fault(line, self._encoding):
            return fault
        value, reason = parse_json(line)
        if reason:
            return f"not JSON: {reason}"
        found = self._read_object(value)
        missing = isinstance(found, str) and found.endswith(NOTHING) and has_no_number(line)
        return f"{found}, written as NaN" if missing else found

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


def parse_json(text: bytes) -> tuple[Any, str | None]:
    """Parse JSON.

    Whole numbers of any length stay what they are, and what Python writes for a missing number
    (`NaN`, `Infinity`) is null.

    Args:
        text: the JSON.

    Returns:
        The value, or why it is none.
    """
    strict = NO_NUMBER.sub(_null, text) if has_no_number(text) else text
    try:
        return msgspec.json.decode(strict), None
    except (*REFUSALS, ValueError):  # orjson says better why, and where
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return None, str(error)
        return None, "a number is too long, or lists lie too deep in each other"


def has_no_number(text: bytes) -> bool:
    """Tell whether a JSON text may hold what is no number in JSON."""
    return b"NaN" in text or b"Infinity" in text


def _null(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"null"


def number_lines(first: int, count: int) -> pl.Series:
    """Number rows that follow one another."""
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True)


def _as_texts(values: list[Any], write: Callable[[Any], str | None]) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.String)
    except TypeError:
        return pl.Series(list(map(write, values)), dtype=pl.String)


def _as_json(value: Any) -> str | None:
    is_plain = value is None or isinstance(value, str)
    return value if is_plain else msgspec.json.encode(value, enc_hook=str).decode()


def _as_text(value: Any) -> str | None:
    if isinstance(value, list):
        return "; ".join(value)
    return None if value is None else str(value)

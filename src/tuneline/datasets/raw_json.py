"""Raw rows as JSON: one object a line, a list of them, or one object that holds them all."""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
import polars as pl

from tuneline.datasets.json_shapes import describe_shape, find_rows, list_columns
from tuneline.datasets.line_splitting import split_lines
from tuneline.datasets.opening import RawFile
from tuneline.datasets.raw_base import RawDataset, check_fields, refuse_empty
from tuneline.datasets.raw_decoding import Decoded, RowDecoder, number_lines, parse_json
from tuneline.datasets.source_files import FileRows
from tuneline.datasets.unpacking import divide_bytes
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import Fields, RowSource, run_ahead
from tuneline.utils.limits import (
    STATED_IN,
    Limits,
    MemoryBudget,
    TooLargeError,
)

# What Python takes for a value, and for the parsed text of a byte, its column and its copy.
VALUE_BYTES, COPIES = 65, 4
MARKS = (b"{", b"[", b",", b":")
ENDINGS = (".json", ".jsonl", ".ndjson")
# A field that no object has.
NO_FIELD = "\0"


class RawJSONDataset(RawDataset):
    """Reads rows of JSON, in batches.

    Rows may be one on a line (JSON lines, of any length), in one list, or in one object that holds
    a list of rows or of messages. Which of them it is shows in the content, not in the name. Rows
    with `messages` (OpenAI), `conversations` (ShareGPT) or `instruction`, `input` and `output`
    (alpaca) have the columns `system`, `user` and `assistant`: see `unfold`.

    Args:
        filepath: the file, a folder or a pattern with `*`, at any address that fsspec knows; `.gz`,
            `.zst`, `.bz2`, `.xz` and `.zip` are decompressed.
        encoding: of the file.
        limits: how much is taken in: see `tuneline.utils.limits`.
        metadata: what Kedro-Viz reads.
    """

    def __init__(
        self,
        *,
        filepath: str,
        encoding: str = "utf-8",
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._encoding = encoding

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _JSONRows(self._filepath, ENDINGS, self._encoding, self.limits)


class _JSONRows(FileRows):
    """Rows of JSON files. See `RowSource`."""

    def read_file(self, file: RawFile, fields: Fields) -> Iterator[pl.DataFrame]:
        """Read the batches of one file."""
        document, whole, chunks = _open(file)
        if whole:
            yield _read_document(file, document, whole, fields)
        else:
            yield from _read_lines(file, chunks, fields)


def read_objects(file: RawFile) -> Iterator[Any]:
    """Read a file's rows as they are, whatever their fields; those that are no JSON are left out.

    Args:
        file: the file.

    Raises:
        TunelineError: if it is empty, is neither JSON nor JSON lines, or holds no rows.
    """
    document, whole, chunks = _open(file)
    if whole:
        if shape := describe_shape(document, ()):
            raise TunelineError(_no_rows(file.path, *shape))
        yield from find_rows(document, (NO_FIELD,))
        return
    for lines in split_lines(chunks, file.limits):
        parsed = (parse_json(line) for line in lines if line.strip())
        yield from (value for value, reason in parsed if reason is None)


def _open(file: RawFile) -> tuple[Any, bytes, Iterator[bytes]]:
    """Read a file that is one JSON document, with its bytes; of JSON lines, give the chunks."""
    chunks = run_ahead(file.chunks())
    start = next(chunks, b"").removeprefix(codecs.BOM_UTF8)
    start = _complete_line(start, chunks, file.limits)
    if not start.strip() and len(start) <= file.limits.row_bytes:
        refuse_empty(file.path)
    chunks = chain([start], chunks)
    if not opens_document(start):
        return None, b"", chunks
    whole = _read_whole(file, chunks)
    document, reason = parse_json(whole)
    if reason is None:
        return document, whole, iter(())
    if whole.lstrip().startswith(b"["):
        raise TunelineError(_broken(file.path, reason))
    return None, b"", divide_bytes(whole)


def _complete_line(start: bytes, chunks: Iterator[bytes], limits: Limits) -> bytes:
    """Read on to the end of the first line that is not blank, unless that is too long."""
    pieces, blank, size = [start], not start.strip(), len(start)
    whole = not blank and b"\n" in start.lstrip()
    while not whole and size <= limits.row_bytes and (chunk := next(chunks, b"")):
        whole = b"\n" in (chunk.lstrip() if blank else chunk)
        blank, size = blank and not chunk.strip(), size + len(chunk)
        pieces.append(chunk)
    return b"".join(pieces)


def _read_whole(file: RawFile, chunks: Iterator[bytes]) -> bytes:
    budget, pieces = MemoryBudget(file.limits), list[bytes]()
    try:
        for chunk in chunks:
            budget.charge(COPIES * len(chunk) + VALUE_BYTES * sum(map(chunk.count, MARKS)))
            pieces.append(chunk)
    except TooLargeError as error:
        raise TunelineError(_too_large(file)) from error
    return b"".join(pieces)


def _read_document(file: RawFile, document: Any, whole: bytes, fields: Fields) -> pl.DataFrame:
    objects = find_rows(document, fields.required)
    decoder = RowDecoder(fields, file.encoding)
    decoded = decoder.decode_objects(objects)
    if decoded.hopeless and (shape := describe_shape(document, fields.required)):
        raise TunelineError(_no_rows(file.path, *shape))
    check_objects(file.path, objects, decoded, fields)
    alone = len(objects) == 1 and objects[0] is document
    originals = [whole.strip()] if alone else [msgspec.json.encode(one) for one in objects]
    return decoder.tabulate(decoded, originals, number_lines(1, len(objects)))


def _read_lines(file: RawFile, chunks: Iterator[bytes], fields: Fields) -> Iterator[pl.DataFrame]:
    decoder, first = RowDecoder(fields, file.encoding), 1
    for lines in split_lines(chunks, file.limits):
        decoded = decoder.decode_lines(lines)
        if first == 1:
            if decoded.encoded_otherwise:
                raise TunelineError(file.describe_encoding())
            check_lines(file.path, lines, decoded, fields)
        yield decoder.tabulate(decoded, lines, number_lines(first, len(lines)))
        first += len(lines)
        del lines, decoded


def _too_large(file: RawFile) -> Problem:
    return Problem(
        where=file.path,
        wrong="the file is one JSON value, in its first line or as a whole, that would take more "
        f"than {file.limits.document_gb:g} GB of memory",
        matters="such a value is read as a whole, and would fill the memory",
        remedy="save the rows as JSON lines, one object a line, which are read piece by piece; or "
        f"raise `document_gb` in {STATED_IN}",
    )


def _broken(where: str, reason: str) -> Problem:
    return Problem(
        where=where,
        wrong=f"the file begins as a list, but is no JSON ({reason})",
        matters="where one row ends and the next begins cannot be told",
        remedy="correct it there, or download it again",
    )


def _no_rows(where: str, shape: str, orientation: str) -> Problem:
    return Problem(
        where=where,
        wrong=f"the file holds {shape}",
        matters="a row is an object with a value for each field",
        remedy='save it as rows: in pandas with orient="records"'
        + (f' instead of orient="{orientation}"' if orientation else ""),
    )


def check_lines(where: str, lines: list[bytes], decoded: Decoded, fields: Fields) -> None:
    """Fail on a file whose first lines all lack a wanted field.

    Args:
        where: the file.
        lines: its first lines.
        decoded: what was read of them.
        fields: what is wanted.

    Raises:
        TunelineError: as `check_fields` does.
    """
    if decoded.hopeless or fields.carried:
        check_objects(where, [parse_json(line)[0] for line in lines], decoded, fields)


def check_objects(where: str, objects: list[Any], decoded: Decoded, fields: Fields) -> None:
    """Fail if no object has a wanted field.

    Args:
        where: the file.
        objects: what it holds.
        decoded: what was read of them.
        fields: what is wanted.

    Raises:
        TunelineError: as `check_fields` does.
    """
    found = list_columns(objects)
    if decoded.hopeless or set(fields.carried) - found:
        check_fields(where, fields, found, f"the first {len(objects):,} lines")


def opens_document(start: bytes) -> bool:
    """Tell whether a file is one JSON document rather than one object a line.

    Args:
        start: the first bytes of the file.

    Returns:
        True if the first line does not stand for itself, or if it is the only one.
    """
    lines = [line for line in start.lstrip().split(b"\n", 1000)[:1000] if line.strip()]
    if not lines:
        return False
    first, *others = lines
    value, reason = parse_json(first)
    if reason is None:
        return not others and isinstance(value, dict | list)
    if first.lstrip()[:1] not in (b"[", b"{"):
        return False
    if first.lstrip().startswith(b"[") or first.rstrip()[-1:] in (b"[", b"{", b":"):
        return True
    return not any(isinstance(parse_json(line)[0], dict) for line in others)

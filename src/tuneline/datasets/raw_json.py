"""Raw rows as JSON: one object a line, a list of them, or one object that holds them all."""

import codecs
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson
import polars as pl

from tuneline.datasets.conversations import ROLES, find_rows
from tuneline.datasets.decoding import Decoded, RowDecoder, number_lines
from tuneline.datasets.opening import RawFile, divide_bytes
from tuneline.datasets.raw import RawDataset, check_fields, refuse_empty
from tuneline.errors import Problem, TunelineError
from tuneline.rows import Fields, RowSource, Work
from tuneline.streams import map_ahead, run_ahead


class RawJSONDataset(RawDataset):
    """Reads rows of JSON, in batches.

    Rows may stand one on a line (JSON lines, of any length), in one list, or in one object that
    holds a list of rows or of messages. Which of them it is shows in the content, not in the name.
    A row with a list of `messages` has the columns `system`, `user` and `assistant`.

    Args:
        filepath: the file, at any address that fsspec knows; `.gz`, `.zst`, `.bz2` and `.xz` are
            decompressed.
        encoding: of the file.
        metadata: ignored here; Kedro-Viz reads the layer from it.
    """

    def __init__(
        self, *, filepath: str, encoding: str = "utf-8", metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._encoding = encoding

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        return _JSONRows(RawFile(self._filepath, self._encoding))


class _JSONRows:
    """Rows of one file. See `RowSource`."""

    def __init__(self, file: RawFile) -> None:
        self._file = file

    @property
    def share(self) -> float | None:
        return self._file.share

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, run_ahead(self._read(fields)))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        chunks = run_ahead(self._file.chunks())
        start = next(chunks, b"").removeprefix(codecs.BOM_UTF8)
        if not start.strip():
            start += b"".join(chunks)
        if not start.strip():
            refuse_empty(self._file.path)
        if opens_document(start):
            whole = b"".join(chain([start], chunks))
            document, reason = _parse(whole)
            if reason is None:
                yield self._read_document(document, whole, fields)
                return
            if whole.lstrip().startswith(b"["):
                raise TunelineError(self._broken(reason))
            start, chunks = b"", divide_bytes(whole)
        yield from self._read_lines(chain([start], chunks), fields)

    def _read_document(self, document: Any, whole: bytes, fields: Fields) -> pl.DataFrame:
        objects, decoder = find_rows(document, fields.required), RowDecoder(fields)
        decoded = decoder.decode_objects(objects)
        if decoded.hopeless:
            check_objects(self._file.path, objects, fields)
        alone = len(objects) == 1 and objects[0] is document
        originals = [whole.strip()] if alone else [orjson.dumps(one) for one in objects]
        return decoder.tabulate(decoded, originals, number_lines(1, len(objects)))

    def _read_lines(self, chunks: Iterator[bytes], fields: Fields) -> Iterator[pl.DataFrame]:
        decoder, first = RowDecoder(fields), 1
        for lines in split_lines(chunks):
            decoded = decoder.decode_lines(lines)
            if first == 1:
                check_lines(self._file.path, lines, decoded, fields)
            yield decoder.tabulate(decoded, lines, number_lines(first, len(lines)))
            first += len(lines)

    def _broken(self, reason: str) -> Problem:
        return Problem(
            where=self._file.path,
            wrong=f"the file begins as a list, but is no JSON ({reason})",
            matters="where one row ends and the next begins cannot be told",
            remedy="mend it there, or download it again",
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
    if decoded.hopeless:
        check_objects(where, [_parse(line)[0] for line in lines], fields)


def check_objects(where: str, objects: list[Any], fields: Fields) -> None:
    """Fail if no object has a wanted field.

    Args:
        where: the file.
        objects: what it holds.
        fields: what is wanted.

    Raises:
        TunelineError: as `check_fields` does.
    """
    found = {name for one in objects if isinstance(one, dict) for name in one}
    if "messages" in found:
        found |= set(ROLES)
    check_fields(where, fields, found, f"the first {len(objects):,} lines")


def split_lines(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide chunks of bytes into lines, without their ends; a batch of lines for each chunk."""
    rest = b""
    for chunk in chunks:
        lines = chunk.split(b"\n")
        lines[0] = rest + lines[0]  # `rest + chunk` would copy the whole chunk
        rest = lines.pop()
        if lines:
            yield lines
    if rest:
        yield [rest]


def opens_document(start: bytes) -> bool:
    """Tell whether a file is one JSON document rather than one object a line.

    Args:
        start: the first bytes of the file.

    Returns:
        True if the first line does not stand for itself, or if it is the only one.
    """
    first, *others = [line for line in start.lstrip().split(b"\n", 1000)[:1000] if line.strip()]
    value, reason = _parse(first)
    if reason is None:
        return not others and isinstance(value, dict | list)
    if first.lstrip()[:1] not in (b"[", b"{"):
        return False
    if first.lstrip().startswith(b"[") or first.rstrip()[-1:] in (b"[", b"{", b":"):
        return True
    return not any(isinstance(_parse(line)[0], dict) for line in others)


def _parse(text: bytes) -> tuple[Any, str | None]:
    """Parse JSON; answer with the value, or with why it is none."""
    try:
        return orjson.loads(text), None
    except orjson.JSONDecodeError as error:
        return None, str(error)

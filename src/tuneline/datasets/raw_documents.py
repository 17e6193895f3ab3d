"""Raw rows as a folder of documents, one row each."""

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import fsspec
import polars as pl

from tuneline.datasets.document_reader import ADVICE, DocumentReader, ReadDocument
from tuneline.datasets.raw_base import RawDataset, check_fields
from tuneline.datasets.raw_decoding import RowDecoder, Unreadable, number_lines
from tuneline.errors import Problem, TunelineError
from tuneline.streaming import Fields, RowSource, Work, map_ahead
from tuneline.utils.text import is_encoding

log = logging.getLogger(__name__)

ENDINGS = (".docx", ".pdf", ".txt", ".md")
# What a system or a program leaves in a folder, and nobody has written.
NO_DOCUMENTS = ("~$", ".")
SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
DOCUMENTS_PER_BATCH, BYTES_PER_BATCH = 100, 32 << 20


class RawDocumentsDataset(RawDataset):
    """Reads a folder of documents (DOCX, PDF, TXT, MD) in the order of their names, one row each.

    The columns are `id` (the name without its ending), `file` (the whole name) and `text`: what
    Word shows of a DOCX document, paragraphs and the rows of tables each on a line of its own, with
    ` | ` between cells; and the text of a PDF, its lines joined to paragraphs.
    `line` is the document's place in the folder. After the documents come the files and folders
    that are not read, each a rejected row.

    `encoding` is of texts that are neither UTF-8 nor begin with a byte order mark; `mark_headings`
    lets those of a DOCX begin with `#`, `mark_pages` puts a form feed between pages of a PDF.
    """

    def __init__(
        self,
        *,
        filepath: str,
        encoding: str | None = None,
        mark_headings: bool = False,
        mark_pages: bool = False,
        limits: dict[str, float] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, limits=limits, metadata=metadata)
        self._encoding = encoding
        self._marks = {"mark_headings": mark_headings, "mark_pages": mark_pages}

    def load(self) -> RowSource:
        """Answer with the rows, none of them read yet."""
        if not is_encoding(self._encoding or "utf-8"):
            raise TunelineError(self._no_encoding())
        reader = DocumentReader(self._encoding, self.limits, **self._marks)
        return _DocumentRows(self._filepath, reader)

    def _no_encoding(self) -> Problem:
        return Problem(
            where=f"{self._filepath}: encoding",
            value=self._encoding,
            wrong="Python knows no encoding of this name",
            matters="no text could be read",
            remedy="name one in the catalog, such as `cp1250` or `cp1252`",
        )


class _DocumentRows(RowSource):
    """Documents of one folder. See `RowSource`."""

    def __init__(self, folder: str, reader: "DocumentReader") -> None:
        self.path = self._folder = folder
        self._reader = reader
        self.notes: list[str] = []

    def map(self, fields: Fields, work: Work) -> Iterator[pl.DataFrame]:
        return map_ahead(work, self._read(fields))

    def _read(self, fields: Fields) -> Iterator[pl.DataFrame]:
        files, folder = fsspec.core.url_to_fs(self._folder)
        entries = {one["name"]: one["type"] for one in files.ls(folder, detail=True)}
        named = sorted(path for path in entries if _is_someones(path, folder))
        paths = [path for path in named if _is_document(path, entries[path])]
        others = [path for path in named if path not in set(paths)]
        if not paths:
            raise TunelineError(self._no_document(others))
        check_fields(self._folder, fields, {"id", "file", "text"}, "the documents")
        decoder = RowDecoder(fields)
        documents = (self._reader.read(files, path) for path in paths)
        passed_over = (_pass_over(path, entries[path]) for path in others)
        first = 1
        for read in _divide(chain(documents, passed_over)):
            self._note([*paths, *others][first - 1 :], read)
            self.share = (first - 1 + len(read)) / len(named)
            decoded = decoder.decode_objects(one.row for one in read)
            numbers = number_lines(first, len(read))
            yield decoder.tabulate(decoded, [one.original for one in read], numbers)
            first += len(read)

    def _note(self, paths: list[str], read: list[ReadDocument]) -> None:
        """Warn of every document that was not read, or not as a whole."""
        for path, one in zip(paths, read, strict=False):
            reason = one.row.reason if isinstance(one.row, Unreadable) else one.missing
            if reason:
                self.notes.append(f"{path}: {reason}")
                log.warning(self.notes[-1])

    def _no_document(self, others: list[str]) -> Problem:
        found = sorted({PurePosixPath(one).suffix or PurePosixPath(one).name for one in others})
        return Problem(
            where=self._folder,
            wrong=f"the folder holds no document ({', '.join(ENDINGS)})"
            + (f" but {', '.join(found)}" if found else ""),
            matters="there is nothing to learn from",
            remedy="put the documents there, or change the path in the catalog",
        )


def _divide(read: Iterator[ReadDocument]) -> Iterator[list[ReadDocument]]:
    """Make batches of documents; long ones are few."""
    batch: list[ReadDocument] = []
    size = 0
    for one in read:
        batch.append(one)
        size += len(one.original) + (len(one.row["text"]) if isinstance(one.row, dict) else 0)
        if len(batch) == DOCUMENTS_PER_BATCH or size > BYTES_PER_BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _is_someones(path: str, folder: str) -> bool:
    # Word leaves `~$name.docx` next to a document that is open; some stores list the folder itself.
    name = PurePosixPath(path).name
    is_folder = path.rstrip("/") == folder.rstrip("/")
    return not (is_folder or name.startswith(NO_DOCUMENTS) or name.lower() in SYSTEM_FILES)


def _is_document(path: str, kind: str) -> bool:
    return kind == "file" and path.lower().endswith(ENDINGS)


def _pass_over(path: str, kind: str) -> ReadDocument:
    ending = PurePosixPath(path).suffix
    if kind == "directory":
        reason = "not read: a folder; move its documents into the folder that the catalog names"
    else:
        advice = ADVICE.get(ending.lower(), f"only {', '.join(ENDINGS)} are read")
        reason = f"not read: {ending or 'a file without an ending'}; {advice}"
    return ReadDocument(Unreadable(reason), path.encode())

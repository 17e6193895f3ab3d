"""Raw rows as a folder of documents, one row each."""

import codecs
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import fsspec
import polars as pl

from tuneline.datasets.office import UnsafeError, is_compound, is_encrypted
from tuneline.datasets.opening import read_at_most
from tuneline.datasets.pdf import UnreadablePDFError, read_pdf
from tuneline.datasets.raw_base import RawDataset, check_fields
from tuneline.datasets.raw_decoding import RowDecoder, Unreadable, number_lines
from tuneline.errors import Problem, TunelineError
from tuneline.reporting.pages import count
from tuneline.streaming import Fields, RowSource, Work, map_ahead
from tuneline.utils.limits import Limits, TooLargeError
from tuneline.utils.text import guess_encoding

log = logging.getLogger(__name__)

ENDINGS = (".docx", ".pdf", ".txt", ".md")
PACKED = (".docx", ".pdf")
# What a system or a program leaves in a folder, and nobody has written.
NO_DOCUMENTS = ("~$", ".")
SYSTEM_FILES = {"thumbs.db", "desktop.ini"}
ADVICE = {
    **dict.fromkeys(
        (".doc", ".docm", ".dot", ".dotx", ".odt", ".rtf", ".pages"), "save it as DOCX"
    ),
    **dict.fromkeys((".html", ".htm", ".epub"), "save its text as DOCX or TXT"),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".csv"), "a table is read by a dataset of its own"),
    **dict.fromkeys((".gz", ".zip", ".zst", ".7z"), "unpack it"),
}
DOCUMENTS_PER_BATCH, BYTES_PER_BATCH = 100, 32 << 20
# UTF-32 in its usual order begins as UTF-16 does.
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


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
        try:
            codecs.lookup(self._encoding or "utf-8")
        except LookupError as error:
            raise TunelineError(self._no_encoding()) from error
        reader = _Reader(self._encoding, self.limits, **self._marks)
        return _DocumentRows(self._filepath, reader)

    def _no_encoding(self) -> Problem:
        return Problem(
            where=f"{self._filepath}: encoding",
            value=self._encoding,
            wrong="Python knows no encoding of this name",
            matters="no text could be read",
            remedy="name one in the catalog, such as `cp1250` or `cp1252`",
        )


@dataclass
class _Read:
    """A document that was read, or why it was not; what is missing in it; what it is shown as."""

    row: dict[str, str] | Unreadable
    original: bytes
    missing: str = ""


class _DocumentRows(RowSource):
    """Documents of one folder. See `RowSource`."""

    def __init__(self, folder: str, reader: "_Reader") -> None:
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

    def _note(self, paths: list[str], read: list[_Read]) -> None:
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


def _divide(read: Iterator[_Read]) -> Iterator[list[_Read]]:
    """Make batches of documents; long ones are few."""
    batch: list[_Read] = []
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


def _pass_over(path: str, kind: str) -> _Read:
    ending = PurePosixPath(path).suffix
    if kind == "directory":
        reason = "not read: a folder; move its documents into the folder that the catalog names"
    else:
        advice = ADVICE.get(ending.lower(), f"only {', '.join(ENDINGS)} are read")
        reason = f"not read: {ending or 'a file without an ending'}; {advice}"
    return _Read(Unreadable(reason), path.encode())


@dataclass(frozen=True)
class _Reader:
    """Reads one document as the catalog says."""

    encoding: str | None
    limits: Limits
    mark_headings: bool
    mark_pages: bool

    def read(self, files: Any, path: str) -> _Read:
        """Read a document, and no more of its file than a document may have."""
        packed, limits = path.lower().endswith(PACKED), self.limits
        with files.open(path, "rb") as file:
            content = read_at_most(file, limits.document_bytes if packed else limits.row_bytes)
        if content is None:
            reason = limits.format_memory() if packed else limits.too_long
            return _Read(Unreadable(reason), path.encode())
        text, missing, reason = self._try(path, content)
        if reason:
            return _Read(Unreadable(reason), path.encode())
        # Of a file that is no text, its name is shown.
        original = path.encode() if packed else content
        name = PurePosixPath(path)
        return _Read({"id": name.stem, "file": name.name, "text": text}, original, missing)

    def _try(self, path: str, content: bytes) -> tuple[str, str, str]:
        """Read a text, or say why not."""
        text = missing = reason = ""
        try:
            text, missing = self._read_text(PurePosixPath(path).suffix.lower(), content)
        except UnicodeDecodeError as error:
            reason = _describe_encoding(content, error, self.encoding)
        except (TooLargeError, UnsafeError, UnreadablePDFError) as error:
            reason = str(error)
        except Exception as error:  # whatever the layers under a damaged file raise, it is damaged
            is_pdf = path.lower().endswith(".pdf")
            reason = (_describe_pdf if is_pdf else _describe_damage)(content, error)
        if len(text.encode("utf-8", "surrogatepass")) > self.limits.row_bytes:
            reason = self.limits.too_long
        if not reason and not text.strip():
            reason = f"empty document: {missing}" if missing else "empty document"
        return text, missing, reason

    def _read_text(self, ending: str, content: bytes) -> tuple[str, str]:
        """Read a text, and say what of it could not be read."""
        if ending == ".pdf":
            return read_pdf(content, self.limits, self.mark_pages)
        if ending == ".docx":
            return _read_docx(content, self.limits, self.mark_headings)
        return _decode(content, self.encoding), ""


def _read_docx(content: bytes, limits: Limits, mark_headings: bool) -> tuple[str, str]:
    from tuneline.datasets.office.docx import read_docx

    document = read_docx(content, limits, mark_headings)
    losses = ", ".join(count(times, loss) for loss, times in sorted(document.losses.items()))
    return document.text, f"not read of it: {losses}" if losses else ""


def _decode(content: bytes, encoding: str | None) -> str:
    """Decode a text by its byte order mark, else as UTF-8, else as stated.

    Text of another encoding is practically never valid UTF-8; only UTF-16 and UTF-32 may be, with
    zero bytes.
    """
    if content.startswith(BYTE_ORDER_MARKS):
        return content.decode(guess_encoding(content) or "utf-16")
    try:
        if b"\0" in content:
            at = content.index(b"\0")
            raise UnicodeDecodeError("utf-8", content, at, at + 1, "a zero byte")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if encoding is None:
            raise
        return content.decode(encoding)


def _describe_encoding(content: bytes, error: UnicodeDecodeError, encoding: str | None) -> str:
    guess = guess_encoding(content)
    advice = f"probably {guess}: state `encoding: {guess}` in the catalog, or " if guess else ""
    return (
        f"another encoding: byte 0x{content[error.start]:02x} at {error.start} is not "
        f"{encoding or 'UTF-8'}; {advice}save it as UTF-8"
    )


def _describe_pdf(content: bytes, error: Exception) -> str:
    if not content.strip():
        return "empty document"
    if b"%PDF-" not in content[:1024]:  # some programs write something before it
        return "no PDF: it has the name of one and another content"
    return f"damaged: {type(error).__name__} {' '.join(str(error).split())}"


def _describe_damage(content: bytes, error: Exception) -> str:
    if is_encrypted(content):
        return "protected by a password: save it without one"
    if is_compound(content):
        return "an old Word document under a new name: save it as DOCX"
    if content.startswith(b"{\\rtf"):
        return "an RTF document under another name: save it as DOCX"
    if not content.strip():
        return "empty document"
    if not content.startswith(b"PK"):
        return "no DOCX document: it has the name of one and another content; save it as DOCX"
    return f"damaged: {type(error).__name__} {error}"

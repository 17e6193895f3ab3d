"""The text of one document, whatever its kind, or why there is none."""

import codecs
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tuneline.datasets.office.package import UnsafeError, is_compound, is_encrypted
from tuneline.datasets.pdf import UnreadablePDFError, read_pdf
from tuneline.datasets.raw_decoding import Unreadable
from tuneline.datasets.unpacking import read_at_most
from tuneline.reporting.pages import count
from tuneline.utils.limits import Limits, TooLargeError
from tuneline.utils.text import guess_encoding

ADVICE = {
    **dict.fromkeys(
        (".doc", ".docm", ".dot", ".dotx", ".odt", ".rtf", ".pages"), "save it as DOCX"
    ),
    **dict.fromkeys((".html", ".htm", ".epub"), "save its text as DOCX or TXT"),
    **dict.fromkeys((".xlsx", ".xls", ".ods", ".csv"), "a table is read by a dataset of its own"),
    **dict.fromkeys((".gz", ".zip", ".zst", ".7z"), "unpack it"),
}
PACKED = (".docx", ".pdf")
# UTF-32 in its usual order begins as UTF-16 does.
BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass
class ReadDocument:
    """A document that was read, or why it was not; what is missing in it; what it is shown as."""

    row: dict[str, str] | Unreadable
    original: bytes
    missing: str = ""


@dataclass(frozen=True)
class DocumentReader:
    """Reads one document as the catalog says."""

    encoding: str | None
    limits: Limits
    mark_headings: bool
    mark_pages: bool

    def read(self, files: Any, path: str) -> ReadDocument:
        """Read a document, and no more of its file than a document may have."""
        packed, limits = path.lower().endswith(PACKED), self.limits
        with files.open(path, "rb") as file:
            content = read_at_most(file, limits.document_bytes if packed else limits.row_bytes)
        if content is None:
            reason = limits.format_memory() if packed else limits.too_long
            return ReadDocument(Unreadable(reason), path.encode())
        text, missing, reason = self._try(path, content)
        if reason:
            return ReadDocument(Unreadable(reason), path.encode())
        # Of a file that is no text, its name is shown.
        original = path.encode() if packed else content
        name = PurePosixPath(path)
        return ReadDocument({"id": name.stem, "file": name.name, "text": text}, original, missing)

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

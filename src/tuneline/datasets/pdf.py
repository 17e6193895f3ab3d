"""The text of a PDF, its lines joined to paragraphs."""

import logging
import re
from io import BytesIO
from math import ceil

from tuneline.utils.limits import Limits, MemoryBudget
from tuneline.utils.sections import PAGE_BREAK

# A line this long, seen from the longest ones, goes on in the next one.
FULL = 0.7
# A page has some short lines; this share of them is longer than most paragraphs' last lines.
USUAL = 0.9
# What is read where a font names no letter: control characters, and those that each font uses in
# its own way. Bullets are such signs, too.
UNNAMED = re.compile("[\x00-\x08\x0e-\x1f\ue000-\uf8ff\ufffd]")
MOST_UNNAMED = 0.1
RECOGNIZE = "let a program for text recognition (OCR), such as ocrmypdf, write the text into it"
SCANNED = f"a scanned PDF: its pages are pictures without text; {RECOGNIZE}"
DRAWN = f"no text: its pages are blank, drawn or damaged; {RECOGNIZE}"


class UnreadablePDFError(Exception):
    """A PDF that holds no text that can be read; its message says why and what to do."""


def read_pdf(content: bytes, limits: Limits, mark_pages: bool = False) -> tuple[str, str]:
    """Read the text of a PDF.

    With `mark_pages`, a form feed is between two pages; a paragraph then ends with its page.

    Returns:
        The text, one paragraph a line; and what of it could not be read, in words, or nothing.

    Raises:
        UnreadablePDFError: if it is protected by a password, or holds pictures of text only, or
            fonts that do not say which letters they draw.
        Exception: whatever the library raises on a damaged file.
    """
    from pypdf.errors import DependencyError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it says, the reason says
    try:
        pages, has_pictures = _read_pages(content, MemoryBudget(limits))
    except DependencyError:  # it may be protected against changes alone
        raise UnreadablePDFError(
            "protected by a password, or encrypted (AES): save it without protection"
        ) from None
    text = "\n".join(pages)
    empty = sum(not page.strip() for page in pages)
    if pages and empty == len(pages):
        raise UnreadablePDFError(SCANNED if has_pictures else DRAWN)
    unnamed = len(UNNAMED.findall(text))
    if unnamed > MOST_UNNAMED * len(text):
        raise UnreadablePDFError(
            f"a PDF whose fonts do not say which letters they draw: {unnamed:,} of {len(text):,} "
            f"signs; {RECOGNIZE}"
        )
    lost = [f"{empty} of {len(pages)} pages without text"] if empty else []
    lost += [f"{unnamed:,} signs that no font names"] if unnamed else []
    missing = f"not read of it: {', '.join(lost)}" if lost else ""
    return (PAGE_BREAK.join(map(join_lines, pages)) if mark_pages else join_lines(text)), missing


def _read_pages(content: bytes, budget: MemoryBudget) -> tuple[list[str], bool]:
    """Read the text of each page; tell whether there are pictures, where no page has any text."""
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(BytesIO(content))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise UnreadablePDFError("protected by a password: save it without one")
    pages = []
    for page in reader.pages:
        pages.append(page.extract_text())
        budget.charge(4 * len(pages[-1]), "its text")
    has_text = any(page.strip() for page in pages)
    return pages, not has_text and any(len(page.images) for page in reader.pages)


def join_lines(text: str) -> str:
    """Join the lines of a page to paragraphs, as far as their lengths tell."""
    lines = [line.strip() for line in text.splitlines()]
    lengths = sorted(len(line) for line in lines if line)
    width = lengths[ceil(USUAL * (len(lengths) - 1))] if lengths else 0
    paragraphs: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on and line:
            before = paragraphs[-1]
            paragraphs[-1] = before[:-1] + line if _is_divided(before, line) else f"{before} {line}"
        elif line:
            paragraphs.append(line)
        goes_on = len(line) >= FULL * width and not line.endswith((":", "?", "\uff1f"))
    return "\n".join(paragraphs)


def _is_divided(before: str, line: str) -> bool:
    """Tell whether a word is divided between two lines."""
    return before[-2:-1].isalpha() and before.endswith("-") and line[:1].islower()

"""Documents divided into chunks, each with its place: file, heading, page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tuneline.pipelines.synthesize.filters import QUOTED_WORDS, fold_words
from tuneline.streaming import Fields, RowSource
from tuneline.utils.hashing import hash_value
from tuneline.utils.languages import can_tell, load_detector
from tuneline.utils.sections import PAGE_BREAK, find_headings

# After what a long paragraph may be cut, the best place first.
ENDS = (
    re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])"),
    re.compile(r"(?<=[,;:\uff0c\uff1b\u3001])\s*|\s+\|\s+"),
    re.compile(r"\s+"),
)
READ_CHARACTERS = 2000
FIELDS = Fields("id", ("file", "text"))


@dataclass(frozen=True)
class Divided:
    """What came of a folder of documents.

    Attributes:
        chunks: see `divide_text`; those whose words an earlier chunk has are left out.
        documents: how many were read.
        passed_over: `file` and `reason` of each that was not.
        cut_paragraphs: how many were longer than a chunk.
        repeated: chunks that were left out.
    """

    chunks: list[dict[str, Any]]
    documents: int
    passed_over: list[dict[str, str]]
    cut_paragraphs: int
    repeated: int


def divide_source(documents: RowSource, most: int) -> Divided:
    """Divide every document of a folder; a form feed in a text begins a page."""
    chunks: dict[str, dict[str, Any]] = {}
    passed_over, read, cut, repeated = [], 0, 0, 0
    for table in documents.map(FIELDS, lambda batch: batch):
        for row in table.iter_rows(named=True):
            if row["problem"] is not None:
                name = row["original"].decode("utf-8", "replace").rpartition("/")[2]
                passed_over.append({"file": name[:200], "reason": row["problem"]})
                continue
            read += 1
            found, cut_here = divide_text(row["file"], row["text"], most)
            cut += cut_here
            for chunk in found:
                repeated += chunks.setdefault(fold_words(chunk["text"]), chunk) is not chunk
    return Divided(list(chunks.values()), read, passed_over, cut, repeated)


def divide_text(document: str, text: str, most: int) -> tuple[list[dict[str, Any]], int]:
    """Divide a document at its headings, and a longer section between its paragraphs.

    A paragraph of more than `most` characters is cut at a sentence, a clause or a word, whichever
    is first to fit.

    Returns:
        Chunks (`id`, made of the place and the text, so that it stays when other chunks change;
        `document`, `heading` with those above it, `text`, `pages`, that of each of its lines or
        none, `language` as py3langid tells it, `begins`: whether it is the first under its
        heading); and how many paragraphs were cut.
    """
    pages = text.split(PAGE_BREAK)
    lines, places = [], []
    for number, whole in enumerate(pages, start=1):
        for line in filter(None, map(str.strip, whole.splitlines())):
            lines.append(line)
            places.append(number if len(pages) > 1 else None)
    language = _tell_language(text)
    chunks: list[dict[str, Any]] = []
    cut = 0
    for heading, start, end in _list_sections(lines):
        cut += sum(len(line) > most for line in lines[start:end])
        pieces = [
            (piece, place)
            for line, place in zip(lines[start:end], places[start:end], strict=True)
            for piece in cut_paragraph(line, most)
        ]
        for number, filled in enumerate(fill_chunks(pieces, most)):
            body = "\n".join(line for line, _ in filled)
            chunks.append(
                {
                    "id": hash_value([document, heading, body])[:12],
                    "document": document,
                    "heading": heading,
                    "pages": [page for _, page in filled],
                    "text": body,
                    "language": language,
                    "begins": number == 0,
                }
            )
    return chunks, cut


def _list_sections(lines: list[str]) -> Iterator[tuple[str, int, int]]:
    """List heading, first line and end of each section, what is before the first heading too."""
    words, levels = find_headings(lines)
    starts = [place for place, level in enumerate(levels) if level]
    yield "", 0, starts[0] if starts else len(lines)
    above: dict[int, str] = {}
    for start, end in pairwise([*starts, len(lines)]):
        above = {level: one for level, one in above.items() if level < levels[start]}
        above[levels[start]] = words[start]
        yield " / ".join(above.values()), start + 1, end


def cut_paragraph(text: str, most: int, ends: tuple[re.Pattern[str], ...] = ENDS) -> Iterator[str]:
    """Cut a paragraph into pieces that fit."""
    if len(text) <= most:
        yield text
    elif not ends:
        yield from (text[start : start + most] for start in range(0, len(text), most))
    else:
        piece = ""
        for part in filter(None, ends[0].split(text)):
            if piece and len(piece) + 1 + len(part) > most:
                yield from cut_paragraph(piece, most, ends[1:])
                piece = ""
            piece = f"{piece} {part}" if piece else part
        yield from cut_paragraph(piece, most, ends[1:])


def fill_chunks(
    pieces: list[tuple[str, int | None]], most: int
) -> Iterator[list[tuple[str, int | None]]]:
    """Put paragraphs, each with its page, together as long as they fit."""
    filled: list[tuple[str, int | None]] = []
    size = 0
    for piece, page in pieces:
        if filled and size + len(piece) > most:
            yield filled
            filled, size = [], 0
        filled.append((piece, page))
        size += len(piece) + 1
    if filled:
        yield filled


def find_page(chunk: dict[str, Any], quote: str) -> int | None:
    """Find the page on which a quotation of a chunk begins; the chunk's first where none does."""
    beginning = " ".join(fold_words(quote).split()[:QUOTED_WORDS])
    lines = zip(chunk["text"].split("\n"), chunk["pages"], strict=True)
    found = (page for line, page in lines if beginning in fold_words(line))
    first: int | None = chunk["pages"][0]
    return next(found, first)


def _tell_language(text: str) -> str:
    """Tell the language of a document by its beginning; empty if it is too short to tell."""
    start = text[:READ_CHARACTERS]
    return str(load_detector().classify(start)[0]) if can_tell(start) else ""

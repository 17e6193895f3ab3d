"""The text that Word shows of a DOCX document (ECMA-376 part 1, 17).

Tracked changes count as accepted; hidden text is left out; the result of a field is read and not
its instruction; a text box follows the paragraph that holds it, and the notes the whole text.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lxml.etree import _Element

from tuneline.datasets.office.docx_content import LOSSES, PASSED_OVER, RunReader
from tuneline.datasets.office.docx_numbering import Numbering, to_roman
from tuneline.datasets.office.docx_styles import (
    BODY_LEVEL,
    Styles,
    read_list,
    read_outline,
    read_switch,
)
from tuneline.datasets.office.package import Package, get, name_of
from tuneline.utils.limits import Limits

CELL, LINE = " | ", "\n"


@dataclass(frozen=True)
class Document:
    """What was read of a document, a line a paragraph or row of a table, and what was lost."""

    text: str
    losses: Counter[str]


@dataclass
class _Line:
    """A paragraph, which the next one continues if it is `open`; or a row of a table."""

    text: str
    label: str = ""
    open: bool = False
    is_row: bool = False


def read_docx(content: bytes, limits: Limits, mark_headings: bool = False) -> Document:
    """Read a document.

    With `mark_headings`, headings begin with `#`, one for each level, as in Markdown.

    Raises:
        Exception: whatever the layers under a damaged file raise.
    """
    package = Package(content, limits)
    main = package.find_main()
    root = package.parse(main)
    body = None if root is None else root.find("{*}body")
    if body is None:
        raise LookupError("it holds no document")
    return _Reader(package, main, mark_headings).read(body)


class _Reader:
    """Walks through a document, and remembers fields, lists and losses on its way."""

    def __init__(self, package: Package, main: str, mark_headings: bool) -> None:
        self._package, self._main = package, main
        self._mark_headings = mark_headings
        self._styles = Styles(package.find_related(main, "styles"))
        numbering = package.find_related(main, "numbering")
        self._numbering = Numbering(numbering, self._styles.linked)
        self._runs = RunReader(self._styles, self._read_lines)

    def read(self, body: _Element) -> Document:
        lines = self._read_lines(body)
        if self._runs.in_instruction:
            self._runs.losses["field that is never closed"] += 1
        for kind, label in (("footnote", str), ("endnote", to_roman)):
            lines += self._read_notes(kind, label)
        for kind in ("header", "footer"):
            self._runs.losses[kind] += self._count_parts(kind)
        for unknown in self._numbering.unknown:
            self._runs.losses[f"list numbered by {unknown}"] += 1
        return Document(LINE.join(lines), +self._runs.losses)

    def _read_lines(self, parent: _Element) -> list[str]:
        """Read the paragraphs and tables of a body, a cell, a text box or a note."""
        lines: list[str] = []
        begun = ""
        for line in self._read_blocks(parent):
            if line.is_row and begun:
                lines.append(begun)
                begun = ""
            begun += line.text
            if not line.open:
                lines.append(line.label + begun)
                begun = ""
        return [*lines, begun] if begun else lines

    def _read_blocks(self, parent: _Element) -> Iterator[_Line]:
        for child in parent:
            kind = name_of(child)
            if kind == "p":
                yield from self._read_paragraph(child)
            elif kind == "tbl":
                yield from (_Line(row, is_row=True) for row in self._read_table(child))
            elif kind in ("oMath", "oMathPara"):
                yield _Line(self._runs.read(child))
            elif kind == "AlternateContent":
                yield from self._read_blocks(child[0] if len(child) else child)
            elif kind in LOSSES:
                self._runs.losses[LOSSES[kind]] += 1
            elif kind not in PASSED_OVER:
                yield from self._read_blocks(child)

    def _read_paragraph(self, element: _Element) -> Iterator[_Line]:
        properties = element.find("{*}pPr")
        named = None if properties is None else properties.find("{*}pStyle")
        style = self._styles.default if named is None else get(named, "val") or ""
        mark = None if properties is None else properties.find("{*}rPr")
        runs, hides = self._runs, self._styles.is_hidden(style)
        # Without its mark, a paragraph goes on in the next one.
        unmarked = hides or any(read_switch(mark, one) for one in ("del", "moveFrom", "vanish"))
        outer = runs.boxes, runs.paragraph_hides
        runs.boxes, runs.paragraph_hides = [], hides
        text = "".join(map(runs.read, element))
        boxes, (runs.boxes, runs.paragraph_hides) = runs.boxes, outer
        label = "" if unmarked else self._count(properties, style)
        if self._mark_headings and text.strip():
            label = self._mark(properties, style) + label
        yield _Line(text, label, open=unmarked)
        yield from map(_Line, boxes)

    def _mark(self, properties: _Element | None, style: str) -> str:
        level = read_outline(properties)
        level = self._styles.find_outline(style) if level is None else level
        return "" if level is None or level >= BODY_LEVEL else "#" * (level + 1) + " "

    def _count(self, properties: _Element | None, style: str) -> str:
        name, level = read_list(properties)
        styled, styled_level, style = self._styles.find_list(style)
        name = name or styled
        if not name or name == "0":
            return ""
        if level is None:
            level = styled_level
        label = self._numbering.count(
            name, self._numbering.find_level(name, style) if level is None else level
        )
        self._package.budget.charge(len(label), "the numbers of its lists")
        return label

    def _read_table(self, table: _Element) -> Iterator[str]:
        for row in _find(table, "tr"):
            properties = row.find("{*}trPr")
            if any(read_switch(properties, one) for one in ("del", "hidden")):
                continue
            cells = [self._read_cell(cell) for cell in _find(row, "tc")]
            shown = [cell for cell in cells if cell is not None]
            if any(shown):
                yield CELL.join(shown)

    def _read_cell(self, cell: _Element) -> str | None:
        """Read a cell; None if it is deleted or a part of the one before it."""
        properties = cell.find("{*}tcPr")
        if properties is not None:
            if read_switch(properties, "cellDel") or _continues(properties, "hMerge"):
                return None
            if _continues(properties, "vMerge"):
                return ""
        return LINE.join(self._read_lines(cell)).strip(LINE)

    def _read_notes(self, kind: str, label: Callable[[int], str]) -> Iterator[str]:
        root = (
            self._package.find_related(self._main, f"{kind}s") if self._runs.notes[kind] else None
        )
        notes = {get(one, "id"): one for one in ([] if root is None else root)}
        for number, name in enumerate(self._runs.notes[kind], start=1):
            if name in notes:
                text = LINE.join(self._read_lines(notes[name])).strip()
                self._package.budget.charge(4 * len(text), "the text of its notes")
                yield f"[{label(number)}] {text}"

    def _count_parts(self, kind: str) -> int:
        """Count headers or footers that have text of their own."""
        relations = self._package.list_relations(self._main).values()
        roots = [self._package.parse(one.target) for one in relations if one.kind == kind]
        return sum(
            any((text.text or "").strip() for text in root.iterfind(".//{*}t"))
            for root in roots
            if root is not None
        )


def _find(parent: _Element, wanted: str) -> Iterator[_Element]:
    """Find the rows of a table or the cells of a row, also within content controls."""
    for child in parent:
        kind = name_of(child)
        if kind == wanted:
            yield child
        elif kind not in PASSED_OVER and not kind.endswith("Pr"):
            yield from _find(child, wanted)


def _continues(properties: _Element, name: str) -> bool:
    merge = properties.find(f"{{*}}{name}")
    return merge is not None and get(merge, "val") in (None, "continue")

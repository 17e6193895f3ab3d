"""The text inside a paragraph of a Word document: runs, fields, symbols, what is anchored in it.

See ECMA-376 part 1, 17.3 and 17.16.
"""

import re
from collections import Counter
from collections.abc import Callable

from lxml.etree import _Element

from tuneline.datasets.office.docx_numbering import show_symbol, to_roman
from tuneline.datasets.office.docx_styles import Styles, read_switch
from tuneline.datasets.office.equations import show_equation, split_equations
from tuneline.datasets.office.package import get, name_of

BREAKS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Deleted text, instructions and reading aids; what else has no text has no handler either.
PASSED_OVER = {"del", "moveFrom", "instrText", "delText", "delInstrText", "rt", "ffData"}
LOSSES = {
    "pic": "picture",
    "imagedata": "picture",
    "chart": "chart",
    "relIds": "diagram",
    "object": "embedded object",
    "altChunk": "embedded document",
    "ruby": "reading aid",
    "commentReference": "comment",
}
# What symbol fonts have there is theirs alone.
PRIVATE = re.compile("[\uf000-\uf0ff]")


class RunReader:
    """Reads what is inside paragraphs, and remembers fields, notes and losses on its way.

    Attributes:
        losses: what could not be read, and how often.
        notes: the names of the footnotes and endnotes so far, in their order.
        boxes: the texts of the text boxes of the present paragraph.
        paragraph_hides: whether the style of the present paragraph hides its text.
    """

    def __init__(self, styles: Styles, read_lines: Callable[[_Element], list[str]]) -> None:
        self.losses: Counter[str] = Counter()
        self.notes: dict[str, list[str]] = {"footnote": [], "endnote": []}
        self.boxes: list[str] = []
        self.paragraph_hides = False
        self._styles, self._read_lines = styles, read_lines
        # For each field around the present place: whether it is past its instruction.
        self._fields: list[bool] = []
        self._handlers: dict[str, Callable[[_Element], str]] = {
            "t": lambda one: self._show(one.text or ""),
            "r": self._read_run,
            "sym": self._read_symbol,
            "fldChar": self._read_field,
            "footnoteReference": self._read_reference,
            "endnoteReference": self._read_reference,
            "txbxContent": lambda one: self._add_box("\n".join(self._read_lines(one))),
            "textpath": lambda one: self._add_box(get(one, "string") or ""),
            "AlternateContent": self._read_alternatives,
            "oMath": lambda one: self._show(show_equation(one)),
            "oMathPara": lambda one: self._show("\n".join(split_equations(one))),
        }

    @property
    def in_instruction(self) -> bool:
        """Whether the present place is in the instruction of a field, which is not shown."""
        return not all(self._fields)

    def read(self, element: _Element) -> str:
        """Read an element and all in it."""
        kind = name_of(element)
        if kind in LOSSES:
            self.losses[LOSSES[kind]] += 1
            # The text under a reading aid is read.
            return "".join(map(self.read, element)) if kind == "ruby" else ""
        if kind in PASSED_OVER or kind.endswith("Pr"):
            return ""
        if kind in BREAKS:
            return self._show(BREAKS[kind])
        handler = self._handlers.get(kind)
        return handler(element) if handler else "".join(map(self.read, element))

    def _show(self, text: str) -> str:
        return "" if self.in_instruction else text

    def _read_run(self, run: _Element) -> str:
        properties = run.find("{*}rPr")
        fonts = None if properties is None else properties.find("{*}rFonts")
        text = "".join(map(self.read, run))
        if self._is_hidden(properties):
            return ""
        font = "" if fonts is None else get(fonts, "ascii") or ""
        return PRIVATE.sub(lambda one: self._show_private(ord(one[0]), font), text)

    def _is_hidden(self, properties: _Element | None) -> bool:
        hidden = read_switch(properties, "vanish")
        if hidden is not None:
            return hidden
        style = None if properties is None else properties.find("{*}rStyle")
        by_style = style is not None and self._styles.is_hidden(get(style, "val"))
        return by_style or self.paragraph_hides

    def _read_symbol(self, element: _Element) -> str:
        return self._show_private(int(get(element, "char") or "0", 16), get(element, "font") or "")

    def _show_private(self, code: int, font: str) -> str:
        shown = self._show(show_symbol(code, font))
        if not shown and not self.in_instruction:
            self.losses[f"symbol {code:04X} of the font {font or 'of its paragraph'}"] += 1
        return shown

    def _read_field(self, element: _Element) -> str:
        kind = get(element, "fldCharType")
        shown = self._show(_show_form(element))
        if kind == "begin":
            self._fields.append(False)
        elif kind == "separate" and self._fields:
            self._fields[-1] = True
        elif kind == "end" and self._fields:
            self._fields.pop()
        return shown

    def _add_box(self, text: str) -> str:
        self.boxes += [text] if self._show(text) else []
        return ""

    def _read_alternatives(self, element: _Element) -> str:
        """Read the first alternative that has text; they show the same."""
        first: Counter[str] | None = None
        before, boxes = self.losses.copy(), len(self.boxes)
        for branch in element:
            text = "".join(map(self.read, branch))
            if text or len(self.boxes) > boxes:
                return text
            first = first or self.losses
            self.losses = before.copy()
        self.losses = first or before
        return ""

    def _read_reference(self, element: _Element) -> str:
        kind = name_of(element).removesuffix("Reference")
        if self.in_instruction:
            return ""
        noted = self.notes[kind]
        noted.append(get(element, "id") or "")
        label = to_roman(len(noted)) if kind == "endnote" else str(len(noted))
        return f"[{label}]"


def _show_form(element: _Element) -> str:
    """Show a check box or a choice of an old form, which have no result."""
    box, choice = element.find("{*}ffData/{*}checkBox"), element.find("{*}ffData/{*}ddList")
    if box is not None:
        checked = read_switch(box, "checked")
        return "☒" if (read_switch(box, "default") if checked is None else checked) else "☐"
    if choice is not None:
        entries = choice.findall("{*}listEntry")
        chosen = choice.find("{*}result")
        at = int(get(chosen, "val") or 0) if chosen is not None else 0
        return next((get(one, "val") or "" for n, one in enumerate(entries) if n == at), "")
    return ""

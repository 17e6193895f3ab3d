"""The text inside a paragraph of a Word document: runs, fields, symbols, what is anchored in it.

See ECMA-376 part 1, 17.3 and 17.16.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lxml.etree import _Element

from tuneline.datasets.office.docx_numbering import show_symbol, to_roman
from tuneline.datasets.office.equations import show_equation, split_equations
from tuneline.datasets.office.package import get, name_of

# The outline level of a paragraph that is no heading (ECMA-376 part 1, 17.3.1.20).
BODY_LEVEL = 9
OFF = ("0", "false", "off", "none")
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


@dataclass(frozen=True)
class Style:
    """A style of paragraphs or characters; None where it says nothing.

    Attributes:
        base: the style that it builds on.
        hidden: whether its text is hidden.
        list_name: the list that it belongs to; `0` for none.
        level: the level in that list.
        outline: the level as a heading, from 0; `BODY_LEVEL` for none.
    """

    base: str | None
    hidden: bool | None
    list_name: str | None
    level: int | None
    outline: int | None


class Styles:
    """The styles of a document.

    Attributes:
        default: the name of the style of paragraphs that name none.
        linked: the list of each style that has one.
    """

    def __init__(self, root: _Element | None) -> None:
        self.default = ""
        self._styles: dict[str, Style] = {}
        for one in [] if root is None else root.iterfind("{*}style"):
            name = get(one, "styleId") or ""
            if get(one, "type") == "paragraph" and get(one, "default") in ("1", "true", "on"):
                self.default = name
            base = one.find("{*}basedOn")
            self._styles[name] = Style(
                None if base is None else get(base, "val"),
                read_switch(one.find("{*}rPr"), "vanish"),
                *read_list(one.find("{*}pPr")),
                read_outline(one.find("{*}pPr")),
            )
        self.linked = {
            name: style.list_name for name, style in self._styles.items() if style.list_name
        }

    def is_hidden(self, name: str | None) -> bool:
        """Tell whether a style hides its text."""
        return next((one.hidden for one in self._chain(name) if one.hidden is not None), False)

    def find_list(self, name: str) -> tuple[str | None, int | None, str]:
        """Find the list and level of a style, and the style that says so."""
        named = name
        for style in self._chain(name):
            if style.list_name is not None:
                return style.list_name, style.level, named
            named = style.base or ""
        return None, None, name

    def find_outline(self, name: str) -> int | None:
        """Find the level that a style has as a heading; None if it says nothing."""
        return next((one.outline for one in self._chain(name) if one.outline is not None), None)

    def _chain(self, name: str | None) -> list[Style]:
        """List a style and those it builds on."""
        chain: list[Style] = []
        while name in self._styles and self._styles[name] not in chain:
            chain.append(self._styles[name])
            name = chain[-1].base
        return chain


def read_switch(properties: _Element | None, name: str) -> bool | None:
    """Read a property that is on or off; None if it is not there."""
    found = None if properties is None else properties.find(f"{{*}}{name}")
    return None if found is None else get(found, "val") not in OFF


def read_list(properties: _Element | None) -> tuple[str | None, int | None]:
    """Read the list and the level that a paragraph's properties name."""
    number = None if properties is None else properties.find("{*}numPr")
    if number is None:
        return None, None
    name, level = number.find("{*}numId"), number.find("{*}ilvl")
    return (
        None if name is None else get(name, "val"),
        None if level is None else int(get(level, "val") or 0),
    )


def read_outline(properties: _Element | None) -> int | None:
    """Read the level of a heading, from 0; None if it is not there."""
    found = None if properties is None else properties.find("{*}outlineLvl")
    return None if found is None else int(get(found, "val") or 0)


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

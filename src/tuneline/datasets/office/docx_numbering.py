"""The numbers and bullets of Word's lists, which its files compute and never store.

See ECMA-376 part 1, 17.9.
"""

import re
from dataclasses import dataclass, field

from lxml.etree import _Element

from tuneline.datasets.office.package import get

PRIVATE = range(0xF000, 0xF100)
SYMBOL = {
    **dict(zip(range(0x41, 0x5B), "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ", strict=True)),
    **dict(zip(range(0x61, 0x7B), "αβχδεφγηιϕκλμνοπθρστυϖωξψζ", strict=True)),
    **dict(enumerate("€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|─↵", 0xA0)),  # noqa: RUF001
    **dict(enumerate("ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊⟨®©™∑", 0xC0)),  # noqa: RUF001
    **{0x22: "∀", 0x24: "∃", 0x27: "∋", 0x2A: "∗", 0x2D: "−", 0x40: "≅", 0x5C: "∴"},  # noqa: RUF001
    **{0x5E: "⊥", 0x7E: "∼", 0xF1: "⟩", 0xF2: "∫"},  # noqa: RUF001
}
WINGDINGS = {
    **{0x28: "☎", 0x2A: "✉", 0x46: "☞", 0x4A: "☺", 0x4C: "☹", 0x6C: "●", 0x6D: "❍", 0x6E: "■"},
    **{0x6F: "□", 0x71: "❑", 0x72: "❒", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x9F: "•"},
    **{0xA1: "○", 0xA7: "▪", 0xA8: "□", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓"},
    **{0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑"},
}
WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x54: "☒", 0xA3: "□", 0x97: "●"}
FONTS = {"Symbol": SYMBOL, "Wingdings": WINGDINGS, "Wingdings 2": WINGDINGS_2}
BULLET = "•"
# Word counts no further; a letter or a Roman figure would become as long as the number is large.
LAST_NUMBER = 32_767
PLACEHOLDER = re.compile("%([1-9])")
ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


def show_symbol(code: int, font: str) -> str:
    """Give the character that a font shows for a code; empty if it is not known here."""
    known = FONTS.get(font)
    if known is None:
        return "" if code in PRIVATE else chr(code)
    low = code - PRIVATE.start if code in PRIVATE else code
    if font == "Symbol" and 0x20 <= low < 0x7F:
        return known.get(low, chr(low))
    return known.get(low, "")


@dataclass(frozen=True)
class Level:
    """One level of a list."""

    start: int
    number_format: str
    text: str
    font: str
    suffix: str
    style: str | None
    restart: int | None
    legal: bool


@dataclass
class _List:
    """A list as a document uses it: `w:num` over its `w:abstractNum`."""

    abstract: str
    levels: dict[int, Level]
    starts: dict[int, int]
    begun: set[int] = field(default_factory=set)


class Numbering:
    """Counts the paragraphs of a document's lists.

    Attributes:
        unknown: formats of numbers that were written in figures, because they are not known here.
    """

    def __init__(self, root: _Element | None, linked: dict[str, str]) -> None:
        self.unknown: set[str] = set()
        self._counts: dict[str, dict[int, int]] = {}
        self._lists: dict[str, _List] = {}
        if root is None:
            return
        abstracts = {get(one, "abstractNumId"): one for one in root.iterfind("{*}abstractNum")}
        numbers = {get(one, "numId") or "": one for one in root.iterfind("{*}num")}
        for name, number in numbers.items():
            abstract = _value(number, "abstractNumId") or ""
            style = _value(abstracts.get(abstract), "numStyleLink")
            if style and linked.get(style) in numbers:  # it is defined elsewhere
                abstract = _value(numbers[linked[style]], "abstractNumId") or ""
            if abstract in abstracts:
                self._lists[name] = _read_list(abstract, abstracts[abstract], number)

    def find_level(self, name: str, style: str) -> int:
        """Find the level of a list that belongs to a paragraph style; the first if none does."""
        known = self._lists.get(name)
        levels = known.levels if known else {}
        return next((at for at, level in levels.items() if level.style == style), 0)

    def count(self, name: str, at: int) -> str:
        """Count one more paragraph of a list, and give what is shown before its text."""
        known = self._lists.get(name)
        if known is None or at not in known.levels:
            return ""
        counts = self._counts.setdefault(known.abstract, {})
        level = known.levels[at]
        begins = at not in counts or (at in known.starts and at not in known.begun)
        counts[at] = known.starts.get(at, level.start) if begins else counts[at] + 1
        known.begun.add(at)
        for deeper in [one for one in counts if one > at]:
            restart = known.levels[deeper].restart if deeper in known.levels else None
            if restart is None or at < restart:
                del counts[deeper]
        return self._show(known, level, counts) + ("" if level.suffix == "nothing" else " ")

    def _show(self, known: _List, level: Level, counts: dict[int, int]) -> str:
        if level.number_format == "bullet":
            return _show_bullet(level)

        def write(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            other = known.levels.get(at)
            if other is None:
                return ""
            asked = "decimal" if level.legal else other.number_format
            return self._write(counts.get(at, other.start), asked)

        return PLACEHOLDER.sub(write, level.text)

    def _write(self, number: int, asked: str) -> str:
        if asked == "none":
            return ""
        asked = "decimal" if number > LAST_NUMBER else asked
        if asked in ("lowerLetter", "upperLetter"):
            letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
            return letters.upper() if asked == "upperLetter" else letters
        if asked in ("lowerRoman", "upperRoman"):
            return to_roman(number).upper() if asked == "upperRoman" else to_roman(number)
        if asked == "decimalZero":
            return f"{number:02}"
        if asked == "ordinal":
            ending = (
                "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
            )
            return f"{number}{ending or 'th'}"
        if asked != "decimal":
            self.unknown.add(asked)
        return str(number)


def to_roman(number: int) -> str:
    """Write a number in small Roman figures."""
    shown = ""
    for worth, letters in ROMAN:
        shown += letters * (number // worth)
        number %= worth
    return shown


def _show_bullet(level: Level) -> str:
    if level.text == "o" and level.font.startswith("Courier"):
        return "◦"  # what Word takes for a hollow bullet
    return "".join(show_symbol(ord(one), level.font) or BULLET for one in level.text)


def _read_list(abstract: str, root: _Element, number: _Element) -> _List:
    levels = {int(get(one, "ilvl") or 0): _read_level(one) for one in root.iterfind("{*}lvl")}
    starts = {}
    for override in number.iterfind("{*}lvlOverride"):
        at = int(get(override, "ilvl") or 0)
        level, start = override.find("{*}lvl"), _value(override, "startOverride")
        if level is not None:
            levels[at] = _read_level(level)
        if start is not None:
            starts[at] = int(start)
    return _List(abstract, levels, starts)


def _read_level(element: _Element) -> Level:
    fonts = element.find("{*}rPr/{*}rFonts")
    restart = _value(element, "lvlRestart")
    legal = element.find("{*}isLgl")
    return Level(
        start=int(_value(element, "start") or 0),
        number_format=_value(element, "numFmt") or "decimal",
        text=_value(element, "lvlText") or "",
        font="" if fonts is None else get(fonts, "ascii") or get(fonts, "hAnsi") or "",
        suffix=_value(element, "suff") or "tab",
        style=_value(element, "pStyle"),
        restart=None if restart is None else int(restart),
        legal=legal is not None and get(legal, "val") not in ("0", "false", "off"),
    )


def _value(element: _Element | None, name: str) -> str | None:
    child = None if element is None else element.find(f"{{*}}{name}")
    return None if child is None else get(child, "val")

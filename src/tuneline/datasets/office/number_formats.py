"""Number formats: what a spreadsheet shows of a number (ECMA-376 part 1, 18.8.30 and 18.8.31).

A format has up to four sections: positive numbers, negative ones, zero, text; or conditions in
brackets. Left out is what only fills a cell's width: `*` with its character and the blanks of `?`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale

from tuneline.datasets.office.date_formats import (
    CURRENCIES,
    SHORT_DATE,
    NotRenderedError,
    Part,
    find_locale,
    read_tag,
    show_date,
    show_short_date,
)
from tuneline.datasets.office.numbers import show_number

TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"? | \\(?P<escaped>.) | (?P<space>_.) | (?P<fill>\*.)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>General) | (?P<ampm>AM/PM|A/P) | (?P<exponent>E[+-])
    | (?P<date>y+|m+|d+|h+|s+|e+|g+|b+)
    | (?P<digit>[0#?]) | (?P<figure>[1-9]) | (?P<point>\.) | (?P<comma>,)
    | (?P<percent>%) | (?P<slash>/) | (?P<text>@) | (?P<literal>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
SPLIT = re.compile(r'("[^"]*"?|\\.|_.|\*.|\[[^\]]*\])|;', re.DOTALL)
CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
COLOR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color ?\d+", re.IGNORECASE)
TESTS = {
    "<": Decimal.__lt__,
    "<=": Decimal.__le__,
    ">": Decimal.__gt__,
    ">=": Decimal.__ge__,
    "=": Decimal.__eq__,
    "<>": Decimal.__ne__,
}
DATE_KINDS = {"date", "elapsed", "ampm"}
# What is written otherwise there depends on the country.
ELSEWHERE = Locale("de", "DE")


@dataclass(frozen=True)
class Section:
    """One section of a format.

    Attributes:
        parts: its tokens.
        condition: which numbers it is for, as sign and limit; None if it does not say.
        locale: the country that it names, or whose currency it shows.
    """

    parts: tuple[Part, ...]
    condition: tuple[str, Decimal] | None
    locale: Locale | None

    @property
    def is_date(self) -> bool:
        """Whether it shows a date, a time or a duration."""
        return any(part.kind in DATE_KINDS for part in self.parts)

    def holds(self, value: Decimal) -> bool:
        """Tell whether a number meets its condition."""
        sign, limit = self.condition or (">=", Decimal(0))
        return TESTS[sign](value, limit)


@dataclass(frozen=True)
class NumberFormat:
    """A number format, read."""

    code: str
    sections: tuple[Section, ...]

    @property
    def is_date(self) -> bool:
        """Whether a number of this format is a date, a time or a duration."""
        return self.code.startswith(SHORT_DATE) or self.sections[0].is_date

    def show(self, value: Decimal, locale: Locale | None) -> str:
        """Show a number; of a date, days since the end of 1899.

        Raises:
            NotRenderedError: if the format or the value is not one that is known here.
        """
        if self.code.startswith(SHORT_DATE):
            return show_short_date(value, locale, with_time=self.code != SHORT_DATE)
        section, absolute = self._choose(value)
        locale = section.locale or locale
        shown = abs(value) if absolute else value
        if section.is_date:
            return show_date(shown, section.parts, locale).strip()
        return show_number(shown, section.parts, locale).strip()

    def show_text(self, text: str) -> str:
        """Show a text: by the fourth section, or a single one that holds an `@`; else as it is."""
        last = self.sections[-1]
        is_for_text = any(part.kind == "text" for part in last.parts)
        if not is_for_text and len(self.sections) < 4:
            return text
        return "".join(text if one.kind == "text" else one.text for one in last.parts)

    def differs(self, value: Decimal, text: str) -> bool:
        """Tell whether another country would write a number otherwise than `text`."""
        return not text.isdigit() and self.show(value, ELSEWHERE) != text

    def _choose(self, value: Decimal) -> tuple[Section, bool]:
        """Choose the section for a number, and tell whether it is shown without its sign."""
        numeric = list(self.sections[:3])
        if len(self.sections) < 4 and len(numeric) > 1 and _is_text(numeric[-1]):
            numeric.pop()
        if any(one.condition for one in numeric):
            return _choose_by_condition(value, numeric)
        if len(numeric) > 1 and value < 0:
            return numeric[1], True
        return numeric[2 if len(numeric) > 2 and value == 0 else 0], False


@lru_cache(maxsize=1024)
def read_format(code: str) -> NumberFormat:
    """Read a number format as a file has it, in its English letters.

    Raises:
        NotRenderedError: if it asks for another calendar, other digits or figures in words.
    """
    if code.startswith(SHORT_DATE):
        return NumberFormat(code, ())
    pieces = re.split("\0", SPLIT.sub(lambda found: found[1] or "\0", code))
    return NumberFormat(code, tuple(_read_section(one) for one in pieces[:4]))


def _read_section(code: str) -> Section:
    parts: list[Part] = []
    condition, locale = None, None
    for found in TOKEN.finditer(code):
        kind, text = str(found.lastgroup), str(found[str(found.lastgroup)])
        if kind != "bracket":
            parts.append(_make_part(kind, text))
        elif text.startswith("$"):
            tag = read_tag(text)
            locale = tag.locale or locale
            parts.append(Part("literal", tag.currency))
        elif ELAPSED.fullmatch(text):
            parts.append(Part("elapsed", text))
        elif asked := CONDITION.fullmatch(text.strip()):
            condition = asked[1], Decimal(asked[2])
        elif not COLOR.fullmatch(text):
            raise NotRenderedError(f"[{text}]")
    return Section(tuple(_join_second_parts(parts)), condition, locale or _find_currency(parts))


def _make_part(kind: str, text: str) -> Part:
    if kind == "space":  # as wide as the character after it
        return Part("literal", " ")
    if kind == "fill":
        return Part("literal", "")
    if kind == "date" and text[0] in "gGbB":
        raise NotRenderedError(text)
    return Part("literal" if kind in ("quoted", "escaped") else kind, text)


def _join_second_parts(parts: list[Part]) -> list[Part]:
    """Make one part of the point and the zeros after seconds, and of commas among digits."""
    joined: list[Part] = []
    timed = any(part.kind in DATE_KINDS for part in parts)
    for part in parts:
        last = joined[-1] if joined else None
        if timed and part.kind == "digit" and last and last.kind in ("point", "second parts"):
            joined[-1] = Part("second parts", last.text + part.text)
        else:
            joined.append(part)
    return joined


def _find_currency(parts: Sequence[Part]) -> Locale | None:
    shown = "".join(one.text for one in parts if one.kind == "literal").split()
    return next((find_locale(CURRENCIES[one]) for one in shown if one in CURRENCIES), None)


def _is_text(section: Section) -> bool:
    return any(part.kind == "text" for part in section.parts)


def _choose_by_condition(value: Decimal, sections: Sequence[Section]) -> tuple[Section, bool]:
    """The first section whose condition holds, else the last; its sign goes if all are negative."""
    for section in sections[:2]:
        if section.condition and section.holds(value):
            sign, limit = section.condition
            return section, sign in ("<", "<=") and limit <= 0
    first = sections[0].condition
    others_negative = first is not None and first[0] in (">", ">=") and first[1] == 0
    return sections[-1], others_negative and len(sections) == 2 and value < 0


GENERAL = read_format("General")

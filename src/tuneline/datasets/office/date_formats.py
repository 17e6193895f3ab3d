"""Dates, times and durations as a spreadsheet shows them (ECMA-376 part 1, 18.8.31)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from locale import windows_locale
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

TAG = re.compile(r"\$(?P<currency>[^-]*)(?:-(?P<tag>.*))?")
# Currencies of one country, as Excel writes them into a format without a tag.
CURRENCIES = {
    "Kč": "cs_CZ",
    "zł": "pl_PL",
    "Ft": "hu_HU",
    "lei": "ro_RO",
    "лв.": "bg_BG",
    "₽": "ru_RU",
    "₴": "uk_UA",
    "₺": "tr_TR",
    "R$": "pt_BR",
    "£": "en_GB",
}
# The reader's long date and time; what is after them is what the author saw.
SYSTEM = {"F800", "F400", "X-SYSDATE", "X-SYSTIME"}
GREGORIAN, WESTERN = {0, 1}, {0, 1}
DAY = 86_400
# Serial numbers count days; the last is the end of the year 9999.
LAST_SERIAL = 2_958_466
# The format of the builtin ids 14 and 22: the short date of whoever looks.
SHORT_DATE = "short date"
ENGLISH = Locale("en", "US")


class NotRenderedError(ValueError):
    """A number format, or a value in it, that is not rendered here."""


@dataclass(frozen=True)
class Tag:
    """What brackets that begin with `$` say: a text to show in their place, and a country."""

    currency: str
    locale: Locale | None


def read_tag(bracket: str) -> Tag:
    """Read `$Kč-405` and its like.

    Raises:
        NotRenderedError: if it asks for another calendar or other digits than the western ones.
    """
    found = TAG.fullmatch(bracket)
    currency, tag = (found["currency"], found["tag"] or "") if found else ("", "")
    name, _, look = tag.partition(",")
    if name.upper() in SYSTEM:
        return Tag(currency, None)
    if re.fullmatch(r"[0-9A-Fa-f]{1,8}", name):
        number = int(name, 16)
        return Tag(currency, _find_by_number(number & 0xFFFF, number >> 16, bracket))
    if "gannen" in name:
        raise NotRenderedError(bracket)
    looks = int(look, 16) if re.fullmatch(r"[0-9A-Fa-f]+", look) else 0
    _check_look(looks, bracket)
    return Tag(currency, find_locale(name.replace("-", "_")))


@cache
def find_locale(name: str) -> Locale | None:
    """Find a country by its name, such as `cs_CZ`; None if there is none."""
    try:
        return Locale.parse(name) if name else None
    except (UnknownLocaleError, ValueError):
        return None


@cache
def find_marks(locale: Locale | None) -> tuple[str, str]:
    """Give a country's decimal sign and what it writes between thousands; English without one."""
    if locale is None:
        return ".", ","
    symbols = locale.number_symbols.get("latn", locale.number_symbols)
    return symbols["decimal"], symbols["group"]


def _find_by_number(number: int, looks: int, bracket: str) -> Locale | None:
    _check_look(looks, bracket)
    if number >= 0xFC00:  # the language alone, with its names of months in the genitive
        number = 0x400 | (number & 0xFF)
    return find_locale(windows_locale.get(number, ""))


def _check_look(looks: int, bracket: str) -> None:
    """Refuse other calendars (low byte) and other digits (high byte)."""
    if looks & 0x7F not in GREGORIAN or (looks >> 8) & 0x7F not in WESTERN:
        raise NotRenderedError(bracket)


@dataclass(frozen=True)
class Part:
    """One part of a section: `date`, `elapsed`, `ampm`, `literal` or another token, as written."""

    kind: str
    text: str


@dataclass(frozen=True)
class Moment:
    """A serial number taken apart: days since the end of 1899, and all its seconds."""

    days: int
    total: Decimal

    @property
    def of_day(self) -> Decimal:
        """Seconds since midnight."""
        return self.total - self.days * DAY

    @property
    def calendar(self) -> tuple[int, int, int]:
        """Year, month, day; for serial 0 and the 29th of February 1900 as spreadsheets have it."""
        if self.days in (0, 60):
            return (1900, 1, 0) if self.days == 0 else (1900, 2, 29)
        day = date(1899, 12, 30 if self.days > 60 else 31) + timedelta(days=self.days)
        return day.year, day.month, day.day

    @property
    def weekday(self) -> int:
        """Day of the week, Monday 0; counted on, as spreadsheets do, from a Sunday."""
        return (self.days - 2) % 7


def show_date(value: Decimal, parts: Sequence[Part], locale: Locale | None) -> str:
    """Show days since the end of 1899 by a format of dates and times; in English without a locale.

    Seconds are rounded to what the format shows, all above them cut.

    Raises:
        NotRenderedError: if the value is no date, or the format has a letter that is not known.
    """
    places = sum(len(one.text) - 1 for one in parts if one.kind == "second parts")
    moment = take_apart(value, places)
    return "".join(
        _show_part(parts, place, moment, places, locale or ENGLISH) for place in range(len(parts))
    )


def show_short_date(value: Decimal, locale: Locale | None, *, with_time: bool) -> str:
    """Show a date as a country writes it in figures; without a country, year-month-day."""
    moment = take_apart(value, 0)
    year, month, day = moment.calendar
    if locale is None or day == 0 or moment.days == 60:
        shown = f"{year:04}-{month:02}-{day:02}"
    else:
        pattern = locale.date_formats["short"].pattern
        whole = pattern if "yyyy" in pattern else pattern.replace("yy", "y")
        shown = format_date(date(year, month, day), whole, locale)
    hours, rest = divmod(int(moment.of_day), 3600)
    return f"{shown} {hours}:{rest // 60:02}" if with_time else shown


def take_apart(value: Decimal, places: int) -> Moment:
    """Take a serial number apart, rounded to so many places of a second.

    Raises:
        NotRenderedError: if it is before 1900 or after 9999: a spreadsheet shows no date either.
    """
    total = (value * DAY).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if not 0 <= total < LAST_SERIAL * DAY:
        raise NotRenderedError("a number that is no date")
    return Moment(int(total // DAY), total)


def _show_part(
    parts: Sequence[Part], place: int, moment: Moment, places: int, locale: Locale
) -> str:
    kind, text = parts[place].kind, parts[place].text
    if kind == "date":
        return _show_letters(parts, place, moment, locale)
    if kind == "elapsed":
        unit = {"h": 3600, "m": 60, "s": 1}[text[0].lower()]
        return f"{int(moment.total // unit):0{len(text)}}"
    if kind == "second parts":
        return text[0] + f"{moment.of_day % 1:.{places}f}"[2:]
    if kind == "ampm":
        return _show_half(text, moment, locale)
    if kind in ("literal", "point", "comma", "slash"):
        return text
    raise NotRenderedError(text)


def _show_letters(parts: Sequence[Part], place: int, moment: Moment, locale: Locale) -> str:
    text = parts[place].text.lower()
    if text[0] in "hs" or (text[0] == "m" and _is_minute(parts, place)):
        twelve = any(one.kind == "ampm" for one in parts)
        return f"{_count_time(text[0], moment, twelve):0{min(len(text), 2)}}"
    year, month, day = moment.calendar
    if text[0] in "ye":
        if text[0] == "e" and locale.language in ("ja", "zh", "ko"):
            raise NotRenderedError(text)
        return f"{year % 100:02}" if text in ("y", "yy") else f"{year:04}"
    if text[0] == "m":
        in_date = any(one.kind == "date" and one.text.lower() in ("d", "dd") for one in parts)
        return _name(text, month, locale.months["format" if in_date else "stand-alone"])
    if text[0] == "d":
        return _name(text, day, locale.days["stand-alone"], moment.weekday)
    raise NotRenderedError(text)


def _name(text: str, number: int, names: Any, key: int | None = None) -> str:
    """Show a month or a day: as a number, short, in full, or by its first letter."""
    if len(text) < 3:
        return f"{number:0{len(text)}}"
    width = "abbreviated" if len(text) == 3 else "wide"
    name: str = names[width][number if key is None else key]
    return name[0] if len(text) == 5 else name


def _count_time(letter: str, moment: Moment, twelve: bool) -> int:
    seconds = int(moment.of_day)
    hours = seconds // 3600
    if letter == "h":
        return (hours - 1) % 12 + 1 if twelve else hours
    return seconds // 60 % 60 if letter == "m" else seconds % 60


def _show_half(text: str, moment: Moment, locale: Locale) -> str:
    half = "am" if int(moment.of_day) < DAY // 2 else "pm"
    if len(text) == 3:  # A/P
        return text[0 if half == "am" else 2]
    return str(locale.day_periods["format"]["abbreviated"][half])


def _is_minute(parts: Sequence[Part], place: int) -> bool:
    """`m` and `mm` are minutes after hours and before seconds, else the month."""
    if len(parts[place].text) > 2:
        return False
    timed = [one for one in parts if one.kind in ("date", "elapsed")]
    at = next(number for number, one in enumerate(timed) if one is parts[place])
    before = timed[at - 1].text[0] if at else ""
    after = timed[at + 1].text[0] if at + 1 < len(timed) else ""
    return before in ("h", "H") or after in ("s", "S")

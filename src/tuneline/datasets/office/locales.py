"""How a country writes numbers and dates, and which country a number format names.

A workbook does not store its author's country: a decimal sign is a comma on one machine and a point
on another. A format may name it by a tag (`[$-405]`, `[$Kč-405]`, `[$-cs-CZ]`, ECMA-376 part 1,
18.8.31), or by the currency of one country that Excel writes into it.
"""

import re
from dataclasses import dataclass
from functools import cache
from locale import windows_locale

from babel import Locale, UnknownLocaleError

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
# The reader's long date and time; what stands behind them is what the author saw.
SYSTEM = {"F800", "F400", "X-SYSDATE", "X-SYSTIME"}
GREGORIAN, WESTERN = {0, 1}, {0, 1}


class NotRenderedError(ValueError):
    """A number format, or a value in it, that is not rendered here."""


@dataclass(frozen=True)
class Tag:
    """What brackets that begin with `$` say.

    Attributes:
        currency: text to show in their place.
        locale: the country; None if they name none.
    """

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

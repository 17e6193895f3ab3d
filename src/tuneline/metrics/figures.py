"""Reading the figures of a text: numbers, their units, ranges and bounds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import regex

from tuneline.metrics.overlap import normalize_typography
from tuneline.metrics.units import CURRENCY_BEFORE, LETTER, NO_UNIT, UNIT, Unit, find_unit

# Where `12,125` is twelve and an eighth (CLDR). Elsewhere, and where no language is stated, it is
# twelve thousand, and `12.125` twelve and an eighth.
COMMA_LANGUAGES = """
af az be bg bs ca cs da de el es et eu fi fo fr fy gl hr hu hy id is it jv ka kk ku ky lb lt lv mk
nb nl nn no pl pt ro ru sk sl sq sr sv tg tk tr tt uk uz vi
"""
LONGEST = 40  # digits; a longer run is no figure that anybody checks

TIMES = {
    **dict.fromkeys(("thousand", "tisíc", "tisíce", "mii", "千"), 10**3),
    **dict.fromkeys(("萬", "万"), 10**4),
    **dict.fromkeys(("million", "milion", "miliony", "milionů", "mil.", "milioane"), 10**6),
    **dict.fromkeys(("億", "亿"), 10**8),
    **dict.fromkeys(("billion", "miliard", "miliarde"), 10**9),
}
BOUNDS = {"<": -1, "≤": -1, ">": 1, "≥": 1}

# Blanks that keep a number together, and the Swiss apostrophe.
GROUP_MARK = regex.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f\u2019'](?=\d{3}(?!\d))")
SPACED = regex.compile(r"(?<![\d.,'])(\d{1,3})((?: \d{3})+)(?!\d)(?P<decimals>[.,]\d)?")
PERCENT = regex.compile(r"百分之\s?(\d+(?:\.\d+)?)")
CIRCLED = regex.compile(r"[\u2460-\u249b\u24ea-\u24ff\u2776-\u2793]")
ITEM = regex.compile(r"^[\s#*_>(\-]*(\d{1,3})(?:[.)、:]+(?=[\s\p{Han}*_]|$)|\.\))", regex.MULTILINE)

DIGITS = rf"\d{{1,{LONGEST}}}(?!\d)(?:[.,']\d{{1,{LONGEST}}}(?!\d))*"
FIGURE = regex.compile(
    rf"""
    (?:(?<![^\s(\[\p{{Han}}])(?P<bound>[<>≤≥])[ ]?)?
    (?:(?<!{LETTER}|\d|\d[.,']|\^|\^\u2212)|(?<=\d[ ]?[xX]))
    (?P<sign>\u2212)?
    (?:(?P<before>{CURRENCY_BEFORE})[ ]?)?
    (?P<sign_after>\u2212)?
    (?:
        (?:(?P<whole>\d{{1,9}})[ ])?(?P<over>\d{{1,3}})(?P<slash>[/\u2044])(?P<under>[1-9]\d{{0,2}})
        (?![\d/\u2044])
        | (?P<digits>{DIGITS})
          (?: [ ]?[\u00d7x*·][ ]?10\^(?P<times_ten>[\u2212-]?\d{{1,2}})(?!\d)
            | \^(?P<power>[\u2212-]?\d{{1,2}})(?!\d)
            | [eE](?P<exponent>[\u2212+-]?\d{{1,2}})(?![\w.,]) )?
    )
    (?:[ ]?(?:de[ ])?(?P<times>{"|".join(map(regex.escape, TIMES))})(?!{LETTER}|[克米瓦卡]))?
    (?:[ -]?(?:de[ ])?(?P<unit>{UNIT})(?:\^?(?P<unit_power>[23])(?!\w))?
       (?:(?:[ ]?/[ ]?|[ ]per[ ])(?P<per>{UNIT})(?:\^?(?P<per_power>[23])(?!\w))?)?)?
    """,
    regex.VERBOSE | regex.VERSION1,
)
# Between two numbers that share a unit: a range, a choice, a tolerance; of lengths, a product.
RANGE = regex.compile(
    r" ?(?:[-\u2013\u2014\u2212~〜至到&±和及或]|\.\.\.?|to|až(?: do)?|do|bis|(?:până )?la|and|a"
    r"|și|or|nebo|sau) ?"
)
PRODUCT = regex.compile(r" ?(?:[\u00d7xX*]|by|krát) ?")
FIRST_YEAR, LAST_YEAR = 1000, 2999


@dataclass(frozen=True)
class Figure:
    """A number in a text.

    Attributes:
        number: its value, without the unit.
        unit: its unit; without a symbol where none is known.
        bound: 1 for a lower bound (`≥ 5`), -1 for an upper one, 0 for neither.
    """

    number: Fraction
    unit: Unit = NO_UNIT
    bound: int = 0

    @property
    def size(self) -> tuple[Fraction, str]:
        """The value in the base unit, so that `2 kg` is `2000 g`."""
        return self.number * self.unit.factor, self.unit.base

    def __str__(self) -> str:
        """Write it in one way: `≤ 2.5 kg`."""
        bound = {1: "≥ ", -1: "≤ ", 0: ""}[self.bound]
        return f"{bound}{write_number(self.number)} {self.unit.symbol}".strip()


@dataclass(frozen=True)
class _Place:
    """Where a figure is, and whether its unit was before it."""

    figure: Figure
    start: int
    end: int
    before: bool
    times: int


def write_number(number: Fraction) -> str:
    """Write a number without trailing zeros; one that has no end, as a fraction."""
    places = next((n for n in range(LONGEST) if (number * 10**n).denominator == 1), None)
    if places is None:
        return str(number)
    digits = str(abs(int(number * 10**places))).rjust(places + 1, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


@lru_cache(maxsize=100_000)  # references and prompts are read once for each model
def read_figures(
    text: str, language: str | None = None, grouped: bool = False
) -> tuple[Figure, ...]:
    """Read the figures of a text.

    Both ends of a range have its unit, and so have both sides of `10 x 20 cm`. Numbers of lists
    (`1.`, `2)`, one after another) are none, nor are digits after a letter (`B12`). Not read:
    numbers in words, Chinese numerals, Roman numerals, straight quotes for feet and inches. The
    language decides what a comma or a point before three digits is (`COMMA_LANGUAGES`); `grouped`
    how to read what has two readings even so: `15 128` as one number rather than two, and in a
    language with a decimal comma `1.500` as 1500 rather than 1.5.
    """
    text = normalize_typography(GROUP_MARK.sub("'", CIRCLED.sub(" ", text)))
    text = PERCENT.sub(r"\1%", text)
    text = SPACED.sub(lambda match: _join(match, grouped), _drop_list_numbers(text))
    comma = (language or "").partition("-")[0] in COMMA_LANGUAGES.split()
    places = [one for match in FIGURE.finditer(text) for one in _place(match, comma, grouped)]
    return tuple(dict.fromkeys(one.figure for one in _share_units(places, text)))


def _drop_list_numbers(text: str) -> str:
    """Take out numbers at the beginning of lines that count 1, 2, 3."""
    kept, before, expected = [], 0, 1
    for match in ITEM.finditer(text):
        number = int(match[1])
        if number in {1, expected}:
            kept.append(text[before : match.start()])
            before, expected = match.end(), number + 1
    return " ".join([*kept, text[before:]])


def _join(match: regex.Match[str], grouped: bool) -> str:
    """Join groups of three digits: always where it is plain that they are one number."""
    groups = match[2].split()
    plain = len(groups) > 1 or groups[0].startswith("0") or match["decimals"]
    joined = "'".join([match[1], *groups]) if plain or grouped else match[1] + match[2]
    return joined + (match["decimals"] or "")


def _place(match: regex.Match[str], comma: bool, grouped: bool) -> Iterator[_Place]:
    unit, times = _read_unit(match), TIMES.get(match["times"] or "", 1)
    numbers = _read_fraction(match) if match["over"] else _read_digits(match, comma, grouped)
    if match["sign"] or match["sign_after"]:
        numbers[0] = -numbers[0]
    if unit.base == "year" and _is_year(numbers[-1]):  # a date
        unit = NO_UNIT
    bound = BOUNDS.get(match["bound"] or "", 0)
    figures = [Figure(one, bound=bound) for one in numbers]
    figures[-1] = replace(figures[-1], number=numbers[-1] * times, unit=unit)
    for figure in figures:
        yield _Place(figure, match.start(), match.end(), bool(match["before"]), times)


def _read_unit(match: regex.Match[str]) -> Unit:
    if match["unit"] is None:
        return find_unit(match["before"]) if match["before"] else NO_UNIT
    unit = _raise(find_unit(match["unit"]), match["unit_power"])
    return unit.per(_raise(find_unit(match["per"]), match["per_power"])) if match["per"] else unit


def _raise(unit: Unit, power: str | None) -> Unit:
    return unit.power(int(power)) if power else unit


def _read_fraction(match: regex.Match[str]) -> list[Fraction]:
    over, under = Fraction(match["over"]), Fraction(match["under"])
    if match["slash"] == "/" and over >= under:  # `24/7`, `120/80`
        return [Fraction(one) for one in (match["whole"], over, under) if one is not None]
    return [Fraction(match["whole"] or 0) + over / under]


def _read_digits(match: regex.Match[str], comma: bool, grouped: bool) -> list[Fraction]:
    numbers = [Fraction(one) for one in _divide(match["digits"], comma, grouped)]
    exponent = match["times_ten"] or match["exponent"]
    if exponent:
        numbers[-1] *= Fraction(10) ** int(exponent.replace("\u2212", "-"))
    if match["power"] and numbers[-1]:
        numbers[-1] **= int(match["power"].replace("\u2212", "-"))
    return numbers


def _divide(digits: str, comma: bool, grouped: bool) -> list[str]:
    """Read points and commas: decimals, thousands, or (`26.11.2024`) several numbers."""
    if len(digits) > LONGEST:
        return list(regex.split("[.,']", digits))
    digits = digits.replace("'", "")
    parts = regex.split("[.,]", digits)
    marks = [one for one in digits if one in ".,"]
    threes = parts[0] != "0" and len(parts[0]) <= 3 and {len(one) for one in parts[1:]} == {3}
    if len(set(marks)) == 2 and marks.count(marks[-1]) == 1:
        return ["".join(parts[:-1]) + "." + parts[-1]]
    if len(marks) == 1 and not (threes and _is_thousands(marks[0], comma, grouped)):
        return [".".join(parts)]
    return ["".join(parts)] if threes and len(set(marks)) == 1 else parts


def _is_thousands(mark: str, comma: bool, grouped: bool) -> bool:
    """Tell whether a mark before three digits groups thousands."""
    if comma:
        return mark == "." and grouped
    return mark == ","


def _share_units(places: list[_Place], text: str) -> list[_Place]:
    """Give both ends of a range, and both sides of a product, the unit that one of them has."""
    for index in range(len(places) - 2, -1, -1):
        one, other = places[index : index + 2]
        if _is_open(one) and _shares(one, other, text):
            number = one.figure.number * (other.times if one.times == 1 else 1)
            figure = replace(one.figure, unit=other.figure.unit, number=number)
            places[index] = replace(one, figure=figure)
    for index in range(1, len(places)):
        one, other = places[index - 1 : index + 1]
        if one.before and _is_open(other) and RANGE.fullmatch(text[one.end : other.start]):
            figure = replace(other.figure, unit=one.figure.unit)
            places[index] = replace(other, figure=figure, before=True)
    return places


def _is_open(place: _Place) -> bool:
    return not place.figure.unit.base


def _shares(one: _Place, other: _Place, text: str) -> bool:
    gap, unit = text[one.end : other.start], other.figure.unit
    if _is_year(one.figure.number) and other.figure.number < FIRST_YEAR:  # `in 2020 and 5 kg`
        return False
    return bool(RANGE.fullmatch(gap) or (unit.base == "m" and PRODUCT.fullmatch(gap)))


def _is_year(number: Fraction) -> bool:
    return FIRST_YEAR <= number <= LAST_YEAR

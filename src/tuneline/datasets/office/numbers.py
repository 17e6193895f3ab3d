"""Figures as a spreadsheet shows them: digits, thousands, percent, exponents, fractions."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction

from babel import Locale

from tuneline.datasets.office.date_formats import NotRenderedError, Part, find_marks

# Spreadsheets count with 15 digits; 0.1 + 0.2 is 0.3 for them.
PRECISION = Context(prec=15, rounding=ROUND_HALF_UP)
# Above and below, a number without a format is shown with an exponent.
LARGEST, SMALLEST = 21, -4


def show_general(value: Decimal, locale: Locale | None) -> str:
    """Show a number that has no format: all its digits, as far as spreadsheets count (15).

    How many of them fit into its column is not considered.
    """
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return str(value)  # an identifier may have more digits
    point, _ = find_marks(locale)
    number = PRECISION.create_decimal(value).normalize()
    if number and not SMALLEST <= number.adjusted() < LARGEST:
        digits = f"{number.scaleb(-number.adjusted()):f}"
        return f"{digits.replace('.', point)}E{number.adjusted():+03}"
    return f"{number:f}".replace(".", point) if number else "0"


def show_number(value: Decimal, parts: Sequence[Part], locale: Locale | None) -> str:
    """Show a number by one section of a format, a minus before everything.

    Raises:
        NotRenderedError: if the section holds what no number has.
    """
    with localcontext(prec=60):
        digits = PRECISION.create_decimal(abs(value))
        scaled = digits.scaleb(2 * sum(part.kind == "percent" for part in parts))
        kinds = [part.kind for part in parts]
        if "exponent" in kinds:
            shown = _show_exponent(scaled, parts, kinds.index("exponent"), locale)
        elif _find_slash(parts):
            shown = _show_fraction(scaled, parts, locale)
        elif "digit" in kinds:
            shown = _show_decimal(scaled, parts, locale)
        else:
            shown = "".join(_show_other(one, value, locale) for one in parts)
    return f"-{shown}" if value < 0 and shown.strip() else shown


def _show_other(part: Part, value: Decimal, locale: Locale | None) -> str:
    if part.kind == "general":
        return show_general(abs(value), locale)
    if part.kind == "text":
        return show_general(value, locale).removeprefix("-")
    return part.text


def _show_decimal(value: Decimal, parts: Sequence[Part], locale: Locale | None) -> str:
    """Show digits before and after the decimal sign, and what is among them."""
    places = [number for number, part in enumerate(parts) if part.kind == "digit"]
    point = next((n for n, part in enumerate(parts) if part.kind == "point"), len(parts))
    before, after = [n for n in places if n < point], [n for n in places if n > point]
    commas = [n for n, part in enumerate(parts) if part.kind == "comma" and n < point]
    last = before[-1] if before else -1
    scaling = [n for n in commas if n > last] + _find_trailing(parts, places, point)
    value = value.scaleb(-3 * len(scaling)) if places else value
    rounded = value.quantize(Decimal(1).scaleb(-len(after)), ROUND_HALF_UP)
    whole, _, rest = f"{rounded:f}".partition(".")
    decimal, group = find_marks(locale)
    grouped = any(before and before[0] < n < last for n in commas)
    shown = _fill_before("" if whole == "0" else whole, before, parts, group if grouped else "")
    shown |= _fill_after(rest, after, parts) | {point: decimal}
    shown |= dict.fromkeys([*commas, *scaling], "")
    return "".join(shown.get(number, part.text) for number, part in enumerate(parts))


def _find_trailing(parts: Sequence[Part], places: list[int], point: int) -> list[int]:
    """Commas after the last digit of all divide by a thousand each."""
    return [
        number
        for number, part in enumerate(parts)
        if part.kind == "comma" and point < number and number > places[-1]
    ]


def _fill_before(
    digits: str, places: list[int], parts: Sequence[Part], group: str
) -> dict[int, str]:
    """Hand digits out from the right; the first place takes all that are left."""
    shown: dict[int, str] = {}
    done = 0
    for place in reversed(places):
        first = place == places[0]
        padding = "0" if parts[place].text == "0" else ""
        taken = digits if first else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        shown[place] = ""
        for digit in reversed(taken or padding):
            mark = group if done and done % 3 == 0 else ""
            shown[place] = digit + mark + shown[place]
            done += 1
    return shown


def _fill_after(digits: str, places: list[int], parts: Sequence[Part]) -> dict[int, str]:
    """Hand digits out from the left; zeros at the end are shown where the format has one."""
    shown = dict(zip(places, digits, strict=False))
    for place in reversed(places):
        if shown[place] != "0" or parts[place].text == "0":
            break
        shown[place] = ""
    return shown


def _show_exponent(value: Decimal, parts: Sequence[Part], at: int, locale: Locale | None) -> str:
    """Show a mantissa and an exponent, which is a multiple of the digits before the point."""
    head, tail = parts[:at], parts[at + 1 :]
    point = next((n for n, part in enumerate(head) if part.kind == "point"), len(head))
    step = sum(part.kind == "digit" for part in head[:point])
    places = sum(part.kind == "digit" for part in head[point:])
    power = value.adjusted() if value else 0
    power = power - power % step if step else power + 1
    mantissa = value.scaleb(-power).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    if mantissa >= 10 ** max(step, 1) and value:
        power += max(step, 1)
        mantissa = value.scaleb(-power)
    width = sum(part.kind == "digit" for part in tail)
    sign = "-" if power < 0 else parts[at].text[1].replace("-", "")
    rest = "".join(part.text for part in tail if part.kind != "digit")
    return f"{_show_decimal(mantissa, head, locale)}E{sign}{abs(power):0{width}}{rest}"


def _find_slash(parts: Sequence[Part]) -> int:
    """Find the stroke of a fraction; 0 if there is none."""
    for place in range(1, len(parts) - 1):
        followed = parts[place + 1].kind in ("digit", "figure")
        if parts[place].kind == "slash" and parts[place - 1].kind == "digit" and followed:
            return place
    return 0


def _show_fraction(value: Decimal, parts: Sequence[Part], locale: Locale | None) -> str:
    """Show the nearest fraction whose denominator has no more digits than the format."""
    slash = _find_slash(parts)
    start, end = slash, slash + 1
    while start and parts[start - 1].kind == "digit":
        start -= 1
    while end < len(parts) and parts[end].kind in ("digit", "figure"):
        end += 1
    asked = "".join(part.text for part in parts[slash + 1 : end])
    has_whole = any(part.kind == "digit" for part in parts[:start])
    whole = int(value) if has_whole else 0
    over, under = _find_ratio(Fraction(value) - whole, asked)
    if has_whole and over == under:
        whole, over = whole + 1, 0
    rest = "".join(part.text for part in parts[end:])
    lead = parts[:start]
    if not has_whole:
        return "".join(part.text for part in lead) + f"{over}/{under}{rest}"
    if not over:
        # Without a fraction, a spreadsheet leaves its place empty.
        lead = [one if one.kind != "digit" or whole else Part("digit", "0") for one in lead]
        return _show_decimal(Decimal(whole), lead, locale).rstrip() + rest
    return _show_decimal(Decimal(whole), lead, locale) + f"{over}/{under}{rest}"


def _find_ratio(part: Fraction, asked: str) -> tuple[int, int]:
    if asked.strip("0#?"):
        if not asked.isdigit():
            raise NotRenderedError(asked)
        return round(part * int(asked)), int(asked)
    ratio = part.limit_denominator(10 ** len(asked) - 1)
    return ratio.numerator, ratio.denominator

"""Personal data and secrets in texts: found by patterns, validated by libraries.

Patterns only find candidates. Check digits, dates and lengths of IBANs, card numbers and national
ids are validated by python-stdnum, phone numbers by libphonenumber: a number with a wrong check
digit is no finding. Keys and tokens are known by the prefixes that their issuers give them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import mul
from typing import Any

# Kinds in the order in which they are looked for: what one takes, the next does not look at.
KINDS = {
    "KEY": "key or token",
    "MAIL": "mail address",
    "IBAN": "IBAN",
    "CARD": "card number",
    "ID": "national id",
    "PHONE": "phone number",
}
# What a text must hold to be looked at; in Rust's syntax, for polars.
SIGN = (
    r"@|eyJ|PRIVATE KEY|hf_|sk[-_]|gh[pousr]_|github_pat_|AKIA|ASIA|xox|AIza|glpat-"
    r"|\d(?:[\x20\xa0()./-]{0,3}\d){6,}"
)
# Nothing begins within a word or a placeholder; Chinese writes no space before a number.
_START, _END = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"
KEY = re.compile(
    rf"{_START}(?:"
    r"hf_[A-Za-z0-9]{30,}"
    r"|sk-[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,}|glpat-[\w-]{20,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}"
    rf"){_END}"
    r"|-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
    r"(?:.*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|[A-Za-z0-9+/=\s]*)",
    re.ASCII | re.DOTALL,
)
MAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+'-]*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+([A-Za-z]{2,24})(?![A-Za-z0-9-])"
)
# `icon@2x.png` is a file.
FILE_ENDINGS = {"css", "gif", "ico", "jpeg", "jpg", "js", "json", "png", "svg", "webp"}
IBAN = re.compile(rf"{_START}[A-Z]{{2}}\d\d(?:[\x20\xa0-]?[A-Z0-9]){{11,30}}{_END}")
CARD = re.compile(r"(?<![\w.,/-])\d(?:[\x20\xa0-]?\d){11,18}(?![\w/]|[.,]\d)", re.ASCII)
# Issuer's digits and lengths: ISO/IEC 7812, as the card networks publish them.
ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|(?:6011|65\d\d|64[4-9]\d)\d{12}|62\d{14,17}|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
)
CZECH_ID = re.compile(rf"{_START}(?:\d{{6}}/\d{{3,4}}|\d{{10}}){_END}(?!/\d)", re.ASCII)
ROMANIAN_ID = re.compile(rf"{_START}[1-9]\d{{12}}{_END}", re.ASCII)
TAIWANESE_ID = re.compile(rf"{_START}[A-Z][1289A-D]\d{{8}}{_END}", re.ASCII)
PHONE = re.compile(
    r"(?<![\w.,:/-])(?:\+|00)?\(?\d(?:[\x20\xa0()./-]{0,3}\d){6,14}(?![\w/]|[.,:-]\d)", re.ASCII
)
# National numbers are looked for in these countries; numbers with + or 00 in all.
REGIONS = ("CZ", "RO", "TW", "US")
# A number written as one block is a phone number only after one of these words.
CUE = re.compile(
    r"(?:\btel|telefon|phone|\bmobil|\bcell|\bcall|\bfax|whatsapp|\bring\b|volej|sunați|sunati"
    r"|電話|电话|手機|手机|致電|撥打)\W{0,3}(?:\w{1,10}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
# A product's number of 13 digits may be a Romanian id by chance: one in a few hundred is.
PRODUCT = re.compile(r"(?:EAN|ISBN|GTIN|barcode|cod de bare|čárový kód|條碼)\W{0,3}$", re.I)
COMPUTER = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
MONEY = re.compile(r"\s?(?:Kč|CZK|EUR|€|\$|USD|lei\b|RON|NT|元|%)", re.IGNORECASE)
CUE_CHARACTERS = 40
# Letters' numbers in Taiwan's ids, A to Z.
TAIWANESE_LETTERS = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


@dataclass(frozen=True)
class Finding:
    """Personal data or a secret, of one of `KINDS`, in a text from `start` up to `end`."""

    kind: str
    start: int
    end: int
    value: str


Search = Callable[[str], Iterator[tuple[int, int, str]]]


def find_personal_data(text: str) -> list[Finding]:
    """Find personal data and secrets of a text, in their order; none overlaps another."""
    found: list[Finding] = []
    for kind, search in SEARCHES:
        for start, end, value in search(text):
            if all(end <= one.start or one.end <= start for one in found):
                found.append(Finding(kind, start, end, value))
    return sorted(found, key=lambda one: one.start)


def _find_keys(text: str) -> Iterator[tuple[int, int, str]]:
    for match in KEY.finditer(text):
        # `sk-learn-like-names-of-things` has a key's prefix, but no digit.
        if any(map(str.isdigit, match[0])) or match[0].startswith("-"):
            yield match.start(), match.end(), match[0]


def _find_mails(text: str) -> Iterator[tuple[int, int, str]]:
    for match in MAIL.finditer(text):
        if match[1].lower() not in FILE_ENDINGS:
            yield match.start(), match.end(), match[0].lower()


def _find_ibans(text: str) -> Iterator[tuple[int, int, str]]:
    from stdnum import iban

    for match in IBAN.finditer(text):
        # Words in capitals may follow: a country's IBANs have one length, so one end fits at most.
        for end in range(match.end(), match.start() + 14, -1):
            written = text[match.start() : end]
            if written[-1].isalnum() and iban.is_valid(written.replace("\xa0", " ")):
                yield match.start(), end, iban.compact(written.replace("\xa0", " "))
                break


def _find_cards(text: str) -> Iterator[tuple[int, int, str]]:
    from stdnum import luhn

    for match in CARD.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        separators = set(re.sub(r"\d", "", match[0]))
        if len(separators) < 2 and ISSUER.fullmatch(digits) and luhn.is_valid(digits):
            yield match.start(), match.end(), digits


def _find_ids(text: str) -> Iterator[tuple[int, int, str]]:
    from stdnum.cz import rc
    from stdnum.ro import cnp

    validated: tuple[tuple[re.Pattern[str], Any], ...] = (
        (CZECH_ID, rc.is_valid),
        (ROMANIAN_ID, cnp.is_valid),
        (TAIWANESE_ID, is_taiwanese_id),
    )
    for pattern, is_valid in validated:
        for match in pattern.finditer(text):
            if is_valid(match[0]) and not PRODUCT.search(_before(text, match.start())):
                yield match.start(), match.end(), match[0].replace("/", "")


def is_taiwanese_id(number: str) -> bool:
    """Check the last digit of a national id or a residence permit of Taiwan.

    The letter is a number of two digits (A 10 … Z 33, I 34, O 35); the second letter of older
    permits counts by its last digit. With the weights 1, 9, 8, …, 1, 1 the sum is a multiple of 10
    (Ministry of the Interior, household registration). python-stdnum 2.2 does not have it.
    """
    first = TAIWANESE_LETTERS[number[0]]
    second = TAIWANESE_LETTERS[number[1]] % 10 if number[1].isalpha() else int(number[1])
    digits = [first // 10, first % 10, second, *map(int, number[2:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    total: int = sum(map(mul, digits, weights))
    return total % 10 == 0


def _before(text: str, place: int) -> str:
    return text[max(0, place - CUE_CHARACTERS) : place]


def _find_phones(text: str) -> Iterator[tuple[int, int, str]]:
    for match in PHONE.finditer(text):
        written = match[0]
        start = match.start()
        if written.startswith(("+", "00")):
            number = _read_phone("+" + re.sub(r"^(?:\+|00)", "", written), None)
        else:
            cued = CUE.search(_before(text, start)) is not None
            other = MONEY.match(text, match.end()) or COMPUTER.fullmatch(written)
            number = None if other else _read_national(written, cued)
        if number:
            yield start, match.end(), number


def _read_national(written: str, cued: bool) -> str | None:
    for region in REGIONS:
        number = _read_phone(written, region, cued)
        if number:
            return number
    return None


def _read_phone(written: str, region: str | None, any_grouping: bool = True) -> str | None:
    """Give a valid number as E.164 has it; else None.

    Without a cue, the digits must be in the groups in which the country writes them: nine digits in
    one block may be anything.
    """
    import phonenumbers as phones

    try:
        number = phones.parse(written, region)
    except phones.NumberParseException:
        return None
    if not phones.is_valid_number(number) or number.extension:
        return None
    if not any_grouping:
        usual = phones.format_number(number, phones.PhoneNumberFormat.NATIONAL)
        if re.findall(r"\d+", usual) != re.findall(r"\d+", written) or written.isdigit():
            return None
    return str(phones.format_number(number, phones.PhoneNumberFormat.E164))


SEARCHES: tuple[tuple[str, Search], ...] = (
    ("KEY", _find_keys),
    ("MAIL", _find_mails),
    ("IBAN", _find_ibans),
    ("CARD", _find_cards),
    ("ID", _find_ids),
    ("PHONE", _find_phones),
)

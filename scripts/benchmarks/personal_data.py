"""How much personal data is found, and how often what is none is taken for it.

Makes rows in Czech, Romanian, Chinese and English: half with one value of a kind, with right check
digits and in the ways people write them, half with what only looks like it (wrong check digits,
order numbers, prices, dates, product codes). Values and check digits are made here, not by the
libraries that find them. Prints recall by kind and false alarms for docs/benchmarks.md.

    PYTHONPATH=. python scripts/benchmarks/personal_data.py --rows 2000
"""

import argparse
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tuneline.pipelines.prepare.personal_data import find_personal_data

SEED = 3407
FRAMES = {
    "cs": ["Dobrý den, {} je údaj, o který jste žádali.", "Prosím opravte to v záznamu: {}"],
    "ro": ["Bună ziua, {} este ceea ce ați cerut.", "Vă rog să notați: {}, mulțumesc."],
    "zh": ["您好!我的資料是{},請查收。", "請記下{}謝謝"],
    "en": ["Hello, here is what you asked for: {}.", "Please note {} in the file, thank you."],
}
PHONE_FRAMES = {
    "cs": ["Volejte {} po osmé hodině.", "Můj telefon je {}, děkuji."],
    "ro": ["Sunați la {} după ora opt.", "Telefonul meu este {}, mulțumesc."],
    "zh": ["請打電話{}給我。", "手機{},謝謝"],
    "en": ["Call me at {} after eight.", "My phone number is {}."],
}


class Row(NamedTuple):
    """A text, and what was planted in it: a kind and a value, or a look-alike's name."""

    text: str
    kind: str | None
    value: str
    made_by: str


def _digits(draw: Random, count: int) -> str:
    return "".join(draw.choices(string.digits, k=count))


def _luhn(number: str) -> str:
    total = sum(
        digit if place % 2 else sum(divmod(2 * digit, 10))
        for place, digit in enumerate(map(int, reversed(number)))
    )
    return str(-total % 10)


def _group(text: str, size: int, separator: str) -> str:
    return separator.join(text[start : start + size] for start in range(0, len(text), size))


def make_card(draw: Random) -> str:
    """Make a card number, in one block or in groups."""
    start, length = draw.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15)])
    body = start + _digits(draw, length - 1 - len(start))
    number = body + _luhn(body)
    if length == 15:
        return draw.choice([number, f"{number[:4]} {number[4:10]} {number[10:]}"])
    return draw.choice([number, _group(number, 4, " "), _group(number, 4, "-")])


def make_iban(draw: Random) -> str:
    """Make a Czech, Romanian, German or British IBAN."""
    country = draw.choice(["CZ", "RO", "DE", "GB"])
    # The Czech account number: weights 6, 3, 7, 9, 10, 5, 8, 4, 2, 1, the sum a multiple of 11.
    account = "0000000019"
    while not account.endswith(_czech_check(account)):
        account = _digits(draw, 10)
    body = {
        "CZ": "0800" + "000000" + account,
        "RO": "BTRL" + _digits(draw, 16),
        "DE": "37040044" + _digits(draw, 10),
        "GB": "NWBK" + _digits(draw, 14),
    }[country]
    letters = f"{body}{country}00"
    check = 98 - int("".join(str(int(one, 36)) for one in letters)) % 97
    number = f"{country}{check:02}{body}"
    return draw.choice([number, _group(number, 4, " ")])


def _czech_check(account: str) -> str:
    total = sum(w * int(d) for w, d in zip((6, 3, 7, 9, 10, 5, 8, 4, 2, 1), account, strict=True))
    return account[-1] if total % 11 == 0 else "x"


def _birthday(draw: Random) -> tuple[int, int, int]:
    return draw.randint(1955, 2003), draw.randint(1, 12), draw.randint(1, 28)


def make_czech_id(draw: Random) -> str:
    """Make a rodné číslo: a multiple of 11."""
    while True:
        year, month, day = _birthday(draw)
        number = f"{year % 100:02}{month + draw.choice([0, 50]):02}{day:02}{_digits(draw, 4)}"
        if int(number) % 11 == 0:
            return draw.choice([f"{number[:6]}/{number[6:]}"] * 3 + [number])


def make_romanian_id(draw: Random) -> str:
    """Make a CNP, with the weights 279146358279."""
    year, month, day = _birthday(draw)
    first = draw.choice("12" if year < 2000 else "56")
    body = f"{first}{year % 100:02}{month:02}{day:02}{draw.randint(1, 40):02}{_digits(draw, 2)}0"
    body = body[:9] + f"{draw.randint(1, 999):03}"
    check = sum(int(a) * int(b) for a, b in zip(body, "279146358279", strict=True)) % 11
    return body + str(1 if check == 10 else check)


def make_taiwanese_id(draw: Random) -> str:
    """Make a national id: the sum with weights 1, 9, 8, …, 1, 1 is a multiple of 10."""
    letter = draw.choice("ABCDEFGH")
    value = 10 + "ABCDEFGH".index(letter)
    body = draw.choice("12") + _digits(draw, 7)
    total = value // 10 + value % 10 * 9
    total += sum(int(digit) * weight for digit, weight in zip(body, range(8, 0, -1), strict=True))
    return f"{letter}{body}{-total % 10}"


def make_mail(draw: Random) -> str:
    """Make a mail address."""
    name = draw.choice(["jan.novak", "Ion_Popescu", "wang-li", "a.smith+shop", "info", "petra77"])
    host = draw.choice(["firma.cz", "exemplu.ro", "example.com.tw", "mail.example.co.uk", "x.io"])
    return f"{name}{draw.randint(1, 999)}@{host}"


def make_phone(draw: Random, language: str) -> str:
    """Make a phone number as it is written in the country of a language."""
    last = _digits(draw, 6)
    if language == "cs":
        number = f"{draw.choice(['602', '777', '731'])} {last[:3]} {last[3:]}"
        return draw.choice([number, f"+420 {number}", number.replace(" ", "")])
    if language == "ro":
        number = f"07{draw.choice('23456')}{last[0]} {last[:3]} {last[3:]}"
        return draw.choice([number, f"+40 {number[1:]}", number.replace(" ", ".")])
    if language == "zh":
        number = f"09{draw.randint(10, 39)}-{last[:3]}-{last[3:]}"
        return draw.choice([number, number.replace("-", ""), f"+886 {number[1:]}"])
    number = f"({draw.choice(['415', '212', '303'])}) {draw.randint(200, 999)}-{last[:4]}"
    return draw.choice([number, "+1 " + number, "+44 20 7946 0" + last[:3]])


def make_key(draw: Random) -> str:
    """Make a key or a token of a known form."""
    signs = string.ascii_letters + string.digits

    def some(count: int, of: str = signs) -> str:
        return "".join(draw.choices(of, k=count))

    return draw.choice(
        [
            f"hf_{some(34)}",
            f"sk-proj-{some(40)}",
            f"ghp_{some(36)}",
            f"AKIA{some(16, string.ascii_uppercase + string.digits)}",
            f"xoxb-{_digits(draw, 12)}-{some(24)}",
            f"eyJ{some(20)}.eyJ{some(40)}.{some(43)}",
            f"-----BEGIN PRIVATE KEY-----\n{some(64)}\n-----END PRIVATE KEY-----",
        ]
    )


def spoil(number: str) -> str:
    """Make the last digit a wrong one."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


PLANTED: dict[str, tuple[str, Callable[[Random, str], str]]] = {
    "mail address": ("MAIL", lambda draw, _: make_mail(draw)),
    "phone number": ("PHONE", make_phone),
    "phone number, no word for it": ("PHONE", make_phone),
    "IBAN": ("IBAN", lambda draw, _: make_iban(draw)),
    "card number": ("CARD", lambda draw, _: make_card(draw)),
    "Czech id": ("ID", lambda draw, _: make_czech_id(draw)),
    "Romanian id": ("ID", lambda draw, _: make_romanian_id(draw)),
    "Taiwanese id": ("ID", lambda draw, _: make_taiwanese_id(draw)),
    "key or token": ("KEY", lambda draw, _: make_key(draw)),
}
LOOK_ALIKES: dict[str, Callable[[Random], str]] = {
    "IBAN, wrong check digit": lambda draw: spoil(make_iban(draw)),
    "card, wrong check digit": lambda draw: spoil(make_card(draw)),
    "Czech id, wrong check digit": lambda draw: spoil(make_czech_id(draw)),
    "Romanian id, wrong check digit": lambda draw: spoil(make_romanian_id(draw)),
    "Taiwanese id, wrong check digit": lambda draw: spoil(make_taiwanese_id(draw)),
    "number of 7 to 16 digits": lambda draw: "1" + _digits(draw, draw.randint(6, 15)),
    "number of 9 digits": lambda draw: draw.choice("234567") + _digits(draw, 8),
    "price": lambda draw: f"{draw.randint(1, 999)} {_digits(draw, 3)} {_digits(draw, 3)} Kč",
    "date and time": lambda draw: (
        f"20{_digits(draw, 2)}-0{draw.randint(1, 9)}-1"
        f"{_digits(draw, 1)} 1{_digits(draw, 1)}:{draw.randint(10, 59)}:{draw.randint(10, 59)}"
    ),
    "address of a computer": lambda draw: ".".join(str(draw.randint(1, 255)) for _ in range(4)),
    "ISBN": lambda draw: f"ISBN 978-80-{_digits(draw, 4)}-{_digits(draw, 3)}-{_digits(draw, 1)}",
    "EAN": lambda draw: f"EAN 859{_digits(draw, 10)}",
    "dimensions": lambda draw: f"{_digits(draw, 3)} x {_digits(draw, 3)} x {_digits(draw, 3)} mm",
    "file": lambda draw: f"icon@{draw.randint(2, 4)}x.png",
    "handle": lambda draw: f"@user{_digits(draw, 3)}",
    "name with a prefix": lambda draw: f"sk-learn-like-estimators-of-{draw.choice('abc')}-kind",
    "no number": lambda draw: draw.choice(["modrý hrnek", "cana albastră", "藍色杯子", "a mug"]),
}


def make_rows(count: int, seed: int = SEED) -> list[Row]:
    """Make rows, every second one with personal data."""
    draw = Random(seed)  # noqa: S311
    rows = []
    for number in range(count // 2):
        language = draw.choice(list(FRAMES))
        name = list(PLANTED)[number % len(PLANTED)]
        kind, make = PLANTED[name]
        frames = PHONE_FRAMES if name == "phone number" else FRAMES
        value = make(draw, language)
        rows.append(Row(draw.choice(frames[language]).format(value), kind, value, name))
        name = list(LOOK_ALIKES)[number % len(LOOK_ALIKES)]
        value = LOOK_ALIKES[name](draw)
        rows.append(Row(draw.choice(FRAMES[language]).format(value), None, value, name))
    return rows


def is_found(row: Row) -> bool:
    """Tell whether exactly what was planted is found; of a look-alike, whether anything is."""
    found = [(one.kind, row.text[one.start : one.end]) for one in find_personal_data(row.text)]
    return bool(found) if row.kind is None else found == [(row.kind, row.value)]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--missed", action="store_true", help="print what is wrong")
    arguments = parser.parse_args()
    rows = make_rows(arguments.rows)
    find_personal_data("+420 777 123 456")  # libraries are loaded
    start = time.perf_counter()
    right = {row: is_found(row) for row in rows}
    seconds = time.perf_counter() - start
    made, found = Counter(row.made_by for row in rows), Counter(r.made_by for r in rows if right[r])
    for name in PLANTED:
        sys.stdout.write(f"| {name} | {found[name]} of {made[name]} |\n")
    for name in LOOK_ALIKES:
        if found[name]:
            sys.stdout.write(f"| false alarm: {name} | {found[name]} of {made[name]} |\n")
    planted = [row for row in rows if row.kind]
    alarms = sum(right[row] for row in rows if row.kind is None)
    sys.stdout.write(
        f"recall {sum(right[row] for row in planted) / len(planted):.1%}, false alarms {alarms} "
        f"of {len(rows) - len(planted)}, {1e6 * seconds / len(rows):.0f} µs a row\n"
    )
    if arguments.missed:
        for row in rows:
            if right[row] != (row.kind is not None):
                sys.stdout.write(f"{row.made_by}: {row.text!r} {find_personal_data(row.text)}\n")


if __name__ == "__main__":
    main()

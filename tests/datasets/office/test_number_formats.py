from decimal import Decimal

import pytest

from tuneline.datasets.office.date_formats import SHORT_DATE, NotRenderedError, find_locale
from tuneline.datasets.office.number_formats import read_format

# 46096 is the 15th of March 2026, a Sunday.
SHOWN = [
    ("General", "0.30000000000000004", "0.3"),
    ("General", "7.0", "7"),
    ("General", "-2.50", "-2.5"),
    ("General", "12345678901234567890", "12345678901234567890"),
    ("General", "1e+21", "1E+21"),
    ("General", "1.2E-7", "1.2E-07"),
    ("General", "0", "0"),
    ('General" kg"', "2.5", "2.5 kg"),
    ("0%", "0.15", "15%"),
    ("0 %", "0.15", "15 %"),
    (r"0.0\ %", "0.1234", "12.3 %"),
    ("0.00%", "0.12345", "12.35%"),
    ("00000", "123", "00123"),
    ("0000", "-7", "-0007"),
    ("0.00", "1.1", "1.10"),
    ("0.00", "1.005", "1.01"),
    ("0.00", "-0.5", "-0.50"),
    ("0.##", "5", "5."),
    ("#.##", "0.5", ".5"),
    ("#", "0", ""),
    ("#,##0", "1234567", "1,234,567"),
    ("0,000", "5", "0,005"),
    ("#,##0.00", "1234.5", "1,234.50"),
    ("#,##0,", "1234567", "1,235"),
    ('0.0,,"M"', "1234567", "1.2M"),
    ("$#,##0.00", "-5.5", "-$5.50"),
    ('#,##0.00 "Kč"', "1234.5", "1\xa0234,50 Kč"),
    ("#,##0.00\\ [$€-407]", "1234.5", "1.234,50 €"),
    ("[$£-809]#,##0.00", "1234.5", "£1,234.50"),
    ("[$CHF-807]\\ #,##0.00", "1234.5", "CHF 1’234.50"),
    ('_-* #,##0.00\\ "zł"_-;\\-* #,##0.00\\ "zł"_-', "-1234.5", "-1\xa0234,50 zł"),
    ("000-00-0000", "123456789", "123-45-6789"),
    ("(000) 000-0000", "5551234567", "(555) 123-4567"),
    ("#,##0;(#,##0)", "-1234", "(1,234)"),
    ('0;-0;"zero"', "0", "zero"),
    ("[Red]0;[Blue]-0", "-3", "-3"),
    ('[>=100]"big "0;[<0]"minus "0;"mid "0', "150", "big 150"),
    ('[>=100]"big "0;[<0]"minus "0;"mid "0', "-5", "minus 5"),
    ('[>=100]"big "0;[<0]"minus "0;"mid "0', "5", "mid 5"),
    ('[=1]0" day";0" days"', "1", "1 day"),
    ('[=1]0" day";0" days"', "3", "3 days"),
    ("0;0;;@", "0", ""),
    ("0.00E+00", "12345", "1.23E+04"),
    ("0.0E+00", "999999", "1.0E+06"),
    ("0.0E-0", "0.00012", "1.2E-4"),
    ("##0.0E+0", "12345", "12.3E+3"),
    ("# ?/?", "1.5", "1 1/2"),
    ("# ?/?", "0.5", "1/2"),
    ("# ?/?", "2", "2"),
    ("# ?/?", "0", "0"),
    ("# ??/??", "3.15", "3 3/20"),
    ("?/?", "1.5", "3/2"),
    ("# ?/8", "0.5", "4/8"),
    ('# ?/?" cup"', "0.75", "3/4 cup"),
    ("@", "7", "7"),
    ('"No. "0', "5", "No. 5"),
    ("dd.mm.yyyy", "46096", "15.03.2026"),
    ("d-mmm-yy", "46096", "15-Mar-26"),
    ("[$-409]mmmm d, yyyy;@", "46096", "March 15, 2026"),
    ("[$-en-US]ddd d mmm", "46096", "Sun 15 Mar"),
    ("[$-405]d. mmmm yyyy", "46096", "15. března 2026"),
    ("[$-405]mmmm yyyy", "46096", "březen 2026"),
    ("[$-FC19]d mmmm yyyy г.", "46096", "15 марта 2026 г."),
    ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "46096", "Sunday, March 15, 2026"),
    ("mmmmm", "46096", "M"),
    ("yyyy-mm-dd\\ hh:mm", "46096.604166666664", "2026-03-15 14:30"),
    ("yyyy/mm/dd", "1", "1900/01/01"),
    ("d/m/yy", "60", "29/2/00"),
    ("h:mm AM/PM", "0.6041666666666666", "2:30 PM"),
    ("h:mm AM/PM", "0.5", "12:00 PM"),
    ("h:mm A/P", "0", "12:00 A"),
    ("h:mm:ss", "0.99999999", "0:00:00"),
    ("mm:ss.0", "0.00001", "00:00.9"),
    ("[h]:mm:ss", "1.0868055555555556", "26:05:00"),
    ("[mm]:ss", "0.0625", "90:00"),
    ("[s].00", "1.5", "129600.00"),
]


@pytest.mark.parametrize(("code", "value", "shown"), SHOWN)
def test_a_number_is_shown_as_its_format_says(code: str, value: str, shown: str):
    assert read_format(code).show(Decimal(value), None) == shown


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("[DBNum1]0", "5"),  # figures in words
        ("ggge", "5"),  # Japanese eras
        ("[$-D000409]0", "5"),  # Thai digits
        ("[$-ja-JP-x-gannen]ggge", "5"),
        ("bbbb", "5"),  # Buddhist years
        ("dd.mm.yyyy", "-1"),
        ("h:mm", "3000000"),
    ],
)
def test_what_is_not_known_is_refused_and_never_guessed(code: str, value: str):
    with pytest.raises(NotRenderedError):
        read_format(code).show(Decimal(value), None)


@pytest.mark.parametrize(
    ("code", "locale", "shown"),
    [
        ("General", "cs_CZ", "1234,5"),
        ("#,##0.00", "cs_CZ", "1\xa0234,50"),
        ("#,##0.00", "de_CH", "1’234.50"),
        ("0.0%", "fr_FR", "123450,0%"),
        ("#,##0.00\\ [$€-407]", "cs_CZ", "1.234,50 €"),  # the format's own country comes first
        (SHORT_DATE, "cs_CZ", "18.05.1903"),
        (SHORT_DATE, "en_US", "5/18/1903"),
        (SHORT_DATE, "", "1903-05-18"),
        (f"{SHORT_DATE} h:mm", "en_GB", "18/05/1903 12:00"),
        ("d mmmm yyyy", "pl_PL", "18 maja 1903"),
    ],
)
def test_a_country_decides_what_the_format_leaves_open(code: str, locale: str, shown: str):
    assert read_format(code).show(Decimal("1234.5"), find_locale(locale)) == shown


@pytest.mark.parametrize(
    ("code", "differs"),
    [
        ("0", False),
        ("0.0", True),
        ("General", True),
        ("dd.mm.yyyy", False),
        ("mmmm", True),
        (SHORT_DATE, True),
        ("#,##0.00\\ [$€-407]", False),
        ("0%", False),
    ],
)
def test_a_format_tells_whether_another_country_would_write_otherwise(code: str, differs: bool):
    value, known = Decimal("1234.5"), read_format(code)
    assert known.differs(value, known.show(value, None)) == differs


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("0.00", "tea"),
        ("@", "tea"),
        ('"No. "@', "No. tea"),
        ('0;0;0;"Item "@" (new)"', "Item tea (new)"),
        (";;;", ""),
        ("General", "tea"),
    ],
)
def test_a_text_is_shown_by_the_section_for_texts(code: str, shown: str):
    assert read_format(code).show_text("tea") == shown

"""Figures as a careful reader reads them, in the languages of the samples."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneline.metrics.figures import read_figures, write_number
from tuneline.metrics.units import UNITS


def read(text: str, language: str | None = None) -> list[str]:
    return [str(figure) for figure in read_figures(text, language)]


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        # Signs, powers and fractions belong to the number.
        ("−18 °C, -18 °C and –18 °C", ["-18 °C"]),
        ("18 °C", ["18 °C"]),
        ("-$5, $-5", ["-5 $"]),
        ("10³, 10^3, 10⁻³", ["1000", "0.001"]),
        ("103", ["103"]),
        ("2.5×10³ kg, 1.5e-3 l", ["2500 kg", "0.0015 l"]),
        ("5½ cups, 5 1/2, ½ l", ["5.5", "0.5 l"]),
        ("open 24/7, 1/3", ["24", "7", "1/3"]),
        # Units: squares, quotients, currencies before and after, any letter case that is safe.
        ("5 m², 5 m2, 5 m, 5 m³", ["5 m^2", "5 m", "5 m^3"]),
        ("60 km/h, 5 kg/m³, 2 Kč/kg", ["60 km/h", "5 kg/m^3", "2 Kč/kg"]),
        ("$5, 5 €, €6, 7 EUR, US$8", ["5 $", "5 €", "6 €", "7 €", "8 $"]),
        ("2 kg, 2KG, 5 mW, 5 MW", ["2 kg", "5 mW", "5 MW"]),
        ("15-inch screen, 5 in wide, 7″", ["15 in", "5 in", "7 in"]),
        ("８０％, 70%, 70 percent, 70 la sută", ["80 %", "70 %"]),
        ("30℃, 30 度C", ["30 °C"]),
        ("百分之70, 5 dollars", ["70 %", "5 $"]),
        ("8 m long, 8 months old, 8 years", ["8 m", "8 month", "8 year"]),
        # Words that look like units.
        ("since 1998 in Brno", ["1998"]),
        ("5 s víkem", ["5"]),
        ("trvá 5 s a pak 10 s.", ["5 s", "10 s"]),
        ("vitamin B12, version 2, 4G", ["2", "4"]),
        ("1998年, 5年", ["1998", "5 year"]),
        # Trailing zeros, thousands, numbers side by side.
        ("0.5 0.500 2.0 kg", ["0.5", "2 kg"]),
        ("Phone 15 128 GB", ["15", "128 GB"]),
        ("In 2024 300 kg", ["2024", "300 kg"]),
        ("1 000 kg, 1\u202f000 kg, 1'000 kg, 1,000 kg", ["1000 kg"]),
        ("1 234 567 lei, 1.234.567 lei, 1 234,5", ["1234567 lei", "1234.5"]),
        ("26.11.2024, 2024-11-27", ["26", "11", "2024", "27"]),
        ("2 million €, 3萬元, 20 de mii de lei", ["2000000 €", "30000 元", "20000 lei"]),
        ("5千克, 20 de minute", ["5 kg", "20 min"]),
        # Ranges, products, tolerances and bounds.
        ("70–90 %, 70-90%, 70 % to 90 %", ["70 %", "90 %"]),
        (
            "od 70 do 90 %; de la 5 la 6 kg; 7 až 8 h",
            ["70 %", "90 %", "5 kg", "6 kg", "7 h", "8 h"],
        ),
        ("2–10 微米, 2至10毫米", ["2 µm", "10 µm", "2 mm", "10 mm"]),
        ("-5 to -10 °C, −2–3 °C", ["-5 °C", "-10 °C", "-2 °C", "3 °C"]),
        ("10×20 cm, 3x4x5 mm", ["10 cm", "20 cm", "3 mm", "4 mm", "5 mm"]),
        ("10×99 kg, 2 × 500 g", ["10", "99 kg", "2", "500 g"]),
        ("20 ± 5 °C, $5–10", ["20 °C", "5 °C", "5 $", "10 $"]),
        ("v roce 2020 a 5 kg", ["2020", "5 kg"]),
        ("≥ 5 kg, <= 3, <b>4</b>", ["≥ 5 kg", "≤ 3", "4"]),
        # Numbers of lists.
        ("1. Use 5 kg\n2. Care\n3) Price", ["5 kg"]),
        ("一、\n1、使用\n2、保養", []),
        ("①鞋模 ②鞋楦", []),
        ("## 1. Scop\n**2.** Preț", []),
        ("7. května", ["7"]),
        ("1.5 kg\n2.5 kg", ["1.5 kg", "2.5 kg"]),
        ("no figure", []),
        ("", []),
        ("9" * 60, []),
    ],
)
def test_figures_are_read_as_a_careful_reader_does(text: str, figures: list[str]):
    assert read(text) == figures


@pytest.mark.parametrize(
    ("text", "language", "figures"),
    [
        ("1,5 kg", None, ["1.5 kg"]),
        ("1,5 kg", "cs", ["1.5 kg"]),
        ("12,125 mm", None, ["12125 mm"]),
        ("12,125 mm", "zh-Hant", ["12125 mm"]),
        ("12,125 mm", "cs", ["12.125 mm"]),
        ("12.125 mm", None, ["12.125 mm"]),
        ("0,125 l", "en", ["0.125 l"]),
        ("1.234,5 lei", "ro", ["1234.5 lei"]),
        ("1,234.5 lei", "ro", ["1234.5 lei"]),
    ],
)
def test_the_language_decides_what_a_comma_is(text: str, language: str | None, figures: list[str]):
    assert read(text, language) == figures


def test_what_has_two_readings_even_so_is_read_in_both():
    assert [str(one) for one in read_figures("15 128 Kč", "cs", grouped=True)] == ["15128 Kč"]
    assert [str(one) for one in read_figures("1.500 lei", "ro", grouped=True)] == ["1500 lei"]
    assert read("1.500 lei", "ro") == ["1.5 lei"]


@given(
    st.decimals(-(10**9), 10**9, places=4),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(["", " "]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_number_with_any_unit_is_read_back(number, written: str, blank: str):
    (figure,) = read_figures(f"It is {number:f}{blank}{written}.")
    assert figure.number == Fraction(number)
    assert figure.unit == UNITS[written] or UNITS[written].base == "year"
    assert Fraction(write_number(figure.number)) == figure.number


@given(st.text(alphabet="019.,'/^-−–eE×x %$€mk<≥\n①½²", max_size=80))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_the_reading(text: str):
    for language in (None, "cs"):
        for grouped in (False, True):
            assert all(map(str, read_figures(text, language, grouped)))


@pytest.mark.parametrize("text", ["1.000" * 3000, "1" + " 000" * 3000, "9" * 40 + "^99", "1e-99"])
def test_a_figure_of_any_length_can_be_written(text: str):
    assert all(map(str, read_figures(text)))

"""Number and key-term recall: those of the reference are in the answer, and no others."""

import pytest

from tests.metrics.measuring import PLAIN, measure
from tests.pipelines.evaluate.rows import make_row
from tuneline.metrics import measure_answers, stack_scores
from tuneline.metrics.key_recall import compare_figures


def find_missed(answer: str, reference: str, terms: list[str]) -> tuple[list[str], int]:
    compared = compare_figures(answer, reference, terms, "", None)
    return compared.missed, compared.sought


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("18 °C", "−18 °C"),
        ("5 m", "5 m²"),
        ("103", "10³"),
        ("5 €", "$5"),
        ("12125 mm", "12.125 mm"),
        ("2–10 毫米", "2–10 微米"),
        ("10×99 kg", "10×20 cm"),
        ("≥ 5", "≤ 5"),
        ("8 years", "8 months"),
        ("5 mg", "5 MG/l"),
        ("2 million", "2 thousand"),
        ("60 km", "60 km/h"),
        ("1/3", "1/2"),
        ("5", "5 kg"),
    ],
)
def test_a_figure_that_is_another_is_missed(answer: str, reference: str):
    assert measure(answer, reference)["key_recall"] == 0
    assert measure(reference, reference)["key_recall"] == 100


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("In Brno, since 1998", "since 1998 in Brno"),
        ("víkend, 5 dílů", "5 s víkem"),
        ("Phone 15 with 128 GB", "Phone 15 128 GB"),
        ("15128 Kč", "15 128 Kč"),
        ("300 kg (2024)", "In 2024 300 kg"),
        ("2.0 kg", "2 kg"),
        ("2000 g", "2 kg"),
        ("90 minutes", "1.5 h"),
        ("0.500", "0.5"),
        ("5 €", "€5"),
        ("2 KG", "2 kg"),
        ("5.5", "5½"),
        ("70 % to 90 %", "70–90%"),
        ("1000 kg", "1\u202f000 kg"),
        ("80%", "８０ ％"),
        ("5 kg", "5"),
        ("at most 5 kg", "≤ 5 kg"),
        ("1. Take 5 g.\n2. Stir.", "Take 5 g and stir."),
    ],
)
def test_a_figure_that_is_the_same_is_found(answer: str, reference: str):
    assert measure(answer, reference)["key_recall"] == 100


def test_in_a_language_with_a_decimal_comma_a_point_has_both_readings():
    romanian = PLAIN.model_copy(update={"language": "ro"})
    assert measure("1500 lei", "1.500 lei", romanian)["key_recall"] == 100
    assert measure("1,5 m", "1.5 m", romanian)["key_recall"] == 100
    assert measure("12125 mm", "12,125 mm", romanian)["key_recall"] == 0


def test_a_figure_that_an_answer_adds_costs():
    assert measure("1 m 2 m 3 m 4 m 5 m 6 m 7 m", "7 m")["key_recall"] == pytest.approx(100 / 7)
    assert measure("7 m, since 1999", "7 m")["key_recall"] == 50
    assert measure("7 m", "7 m")["key_recall"] == 100


def test_a_figure_of_the_prompt_may_be_repeated():
    asked = {"prompt": "Describe the 128 GB phone.", "context": [{"role": "user", "content": "15"}]}
    assert measure("128 GB, 15, 7 m", "7 m", **asked)["key_recall"] == 100
    assert measure("128 MB, 7 m", "7 m", **asked)["key_recall"] == 50


def test_where_the_reference_has_no_figure_an_added_one_costs_and_silence_gains_nothing():
    rows = [
        make_row(0, "a pot", "a pot of 5 kg", "A pot."),
        make_row(1, "a pot of 5 kg", "", "A pot."),
        make_row(2, "a pot", "a pot", "A pot."),
        make_row(3, "a pot", "a pot of 5 kg", None),
    ]
    base, tuned = stack_scores(measure_answers(rows, [], PLAIN))
    assert base["key_recall"].tolist() == [[100, 1], [0, 1], [0, 0], [0, 0]]
    assert tuned["key_recall"].tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]


def test_an_answer_that_says_nothing_is_not_better_than_one_that_says_wrong_figures():
    rows = [make_row(n, "99 kg, 98 kg", "", "5 kg") for n in range(63)]
    rows.append(make_row(63, "5 kg", "5 kg", "5 kg"))
    base, tuned = stack_scores(measure_answers(rows, [], PLAIN))
    assert base["key_recall"].tolist() == tuned["key_recall"].tolist()


def test_what_is_missed_and_added_is_named():
    compared = compare_figures("8 cm, 3 things", "8 m of 2 things", [], "", None)
    assert (compared.missed, compared.added, compared.sought) == (["2", "8 m"], ["8 cm", "3"], 2)
    assert find_missed("8m, 2", "It holds 8 m of 2 things.", []) == ([], 2)


def test_key_terms_count_whatever_their_ending_but_not_inside_a_word():
    assert find_missed("Jsou to antioxidanty.", "", ["antioxidant"]) == ([], 1)
    assert find_missed("a cloak", "", ["oak"]) == (["oak"], 1)
    assert find_missed("請注意濕度變化", "", ["濕度"]) == ([], 1)
    assert find_missed("VOC 70", "", ["VOC 70"]) == ([], 1)
    assert measure("oak", "An oak pot", key_terms=["oak", "glaze"])["key_recall"] == 50

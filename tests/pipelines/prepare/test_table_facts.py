"""Cells with lists are read as people write them."""

from typing import Any

import pytest

from tuneline.parameters import Table
from tuneline.pipelines.prepare.table_facts import drop_no_data, read_list

TABLE: dict[str, Any] = {
    "subject": "oil",
    "lists": {"body": "effects"},
    "no_data": ["Není údaj"],
    "clause_words": ["která", "when"],
    "and_so_on": ["apod.", "etc."],
    "held_out": {"test": 0.1, "validation": 0.1},
    "kinds": [
        {
            "name": "a",
            "about": "row",
            "of": ["body"],
            "questions": ["{subject}?"],
            "answer": "{items}",
        }
    ],
}


def read(cell: str, **changed: Any) -> dict[str, list[str]]:
    return read_list(cell, Table.model_validate(TABLE | changed))


def test_a_cell_is_read_with_its_dirt():
    general, digestion = "OBECNÉ: Antioxidant ,  Čisticí, čisticí", "TRÁVENÍ:  Není údaj"
    cell = f"{general}\n\n{digestion}\n\nHLAVA: Tlak ve\xa0spáncích"
    assert read(cell) == {
        "OBECNÉ": ["Antioxidant", "Čisticí"],
        "TRÁVENÍ": [],
        "HLAVA": ["Tlak ve spáncích"],
    }


def test_a_category_that_is_there_twice_in_a_cell_keeps_all_its_items():
    cell = "HLAVA: Migréna\n\nKŮŽE: Vrásky\n\nHlava: Tlak ve spáncích, migréna"
    assert read(cell) == {"HLAVA": ["Migréna", "Tlak ve spáncích"], "KŮŽE": ["Vrásky"]}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("burns (sun, hot water), cuts", ["burns (sun, hot water)", "cuts"]),
        ("skin [dry, oily (face, back)], hair", ["skin [dry, oily (face, back)]", "hair"]),
        ("says „calm, cool“ twice, sleep", ["says „calm, cool“ twice", "sleep"]),
        ("the “nerves, stress” mix, cough", ["the “nerves, stress” mix", "cough"]),
        ("«rest, sleep», cough", ["rest, sleep", "cough"]),
        (
            "helps, when you cough; calms, cools; sleep",
            ["helps, when you cough", "calms, cools", "sleep"],
        ),
        ("one, two\nthree", ["one, two", "three"]),
        ("one,\ntwo, three", ["one", "two", "three"]),
        ("• one, two\r\n• three", ["one, two", "three"]),
        ("- one\r- two", ["one", "two"]),
        ("1. one\n2) two\n* three", ["one", "two", "three"]),
        ("▪ one ▪ two", ["one", "two"]),
        (
            "Calms the mind, body and soul. Helps to sleep.",
            ["Calms the mind, body and soul", "Helps to sleep"],
        ),
        ("relieves pain, která pulses, cough", ["relieves pain, která pulses", "cough"]),
        ("dilute 1,5 %, ratio 1:2, viz: mint", ["dilute 1,5 %", "ratio 1:2", "viz: mint"]),
        ("ratio 1:2", ["ratio 1:2"]),
        ("see http://example.org/a, mint", ["see http://example.org/a", "mint"]),
        ("cough, cold, etc.", ["cough", "cold"]),
        ("cough, cold apod.", ["cough", "cold"]),
        ("cough, cold…", ["cough", "cold"]),
        ("Cough, cough , COUGH", ["Cough"]),
        ("cough,, ; cold;", ["cough", "cold"]),
        ("well-being, sleep - deep", ["well-being", "sleep - deep"]),
        ("a 5 < 6 (x, y, b", ["a 5 < 6 (x", "y", "b"]),
        ("***", ["***"]),
        ("", []),
        (" – ", []),
        ("(není údaj)", []),
        ("Není údaj.", []),
    ],
)
def test_items_are_divided_where_a_reader_divides_them(text: str, items: list[str]):
    assert read(text) == {"": items}
    assert read(f"SPÁNEK: {text}") == {"SPÁNEK": items}


@pytest.mark.parametrize(
    ("cell", "categories"),
    [
        ("SVALY A KLOUBY:cramps", ["SVALY A KLOUBY"]),
        ("HLAVA / KRK (šíje, týl): cramps", ["HLAVA / KRK (šíje, týl)"]),
        ("Nálada: smutek\nSPÁNEK:\nnoční můry", ["Nálada", "SPÁNEK"]),
        ("• HLAVA: migréna\n• KŮŽE: akné", ["HLAVA", "KŮŽE"]),
        ("睡眠\uff1a失眠", ["睡眠"]),
        ("Helps all who cannot sleep: a drop", [""]),
        ("Calm, cool: a drop", [""]),
        ("Poměr 1:2", [""]),
        ("viz: Levandule", [""]),
        ("plain words first\nHLAVA: migréna", ["", "HLAVA"]),
    ],
)
def test_a_heading_is_told_from_a_colon_in_an_item(cell: str, categories: list[str]):
    assert list(read(cell)) == categories


def test_the_separators_can_be_stated():
    assert read("a, b / c, d", item_separators=[" / "]) == {"": ["a, b", "c, d"]}
    assert read("失眠、多夢", item_separators=["、"]) == {"": ["失眠", "多夢"]}
    assert read("one\ntwo, three", item_separators=[","]) == {"": ["one two", "three"]}


@pytest.mark.parametrize("text", ["118", "0", "✓", "not empty", "***", "n/a"])
def test_a_value_that_says_something_is_data(text: str):
    assert drop_no_data(text, Table.model_validate(TABLE)) == text

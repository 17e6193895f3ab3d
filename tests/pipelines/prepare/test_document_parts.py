"""Parts of documents are found by headings, however people type them."""

import pytest

from tuneline.parameters import Documents
from tuneline.pipelines.prepare.document_parts import find_parts

DOCUMENTS = Documents.model_validate(
    {
        "column": "text",
        "parts": {
            "wish": {"headings": ["Cerințele clientului"]},
            "offer": {"headings": ["Oferta"], "sections": ["Scopul", "Preț și timp"]},
        },
    }
)


def write(wish: str = "Cerințele clientului", price: str = "Preț și timp") -> str:
    return f"Titlu\n{wish}\nVrem un site.\nOferta\nScopul\nUn site.\n{price}\n900 EUR\n"


@pytest.mark.parametrize(
    "price",
    [
        "PREȚ ȘI TIMP",
        "2. Preț și timp",
        "2 Preț și timp",
        "4.1 Preț și timp",
        "1.2.3. Preț și timp",
        "IV) Preţ şi timp:",
        "## Preț și timp",
        "**Pret si timp**",
        "• Preț și timp",
        "d) Preț și timp",
        "四、Preț și timp",
        "<h2>Preț și timp</h2>",
    ],
)
def test_a_heading_is_found_as_people_type_it_and_written_in_one_way(price: str):
    parts = find_parts(write(price=price), DOCUMENTS)
    assert parts.problems == []
    assert parts.texts == {
        "wish": "Vrem un site.",
        "offer": "# Scopul\nUn site.\n# Preț și timp\n900 EUR",
    }


def test_what_stands_before_the_first_part_is_counted():
    assert find_parts(write(), DOCUMENTS).before == len("Titlu")


def test_a_sentence_with_the_words_of_a_heading_is_no_heading():
    text = write().replace("Vrem un site.", "Oferta să fie scurtă.")
    assert find_parts(text, DOCUMENTS).texts["wish"] == "Oferta să fie scurtă."


def test_a_missing_part_and_a_missing_section_are_named_with_the_nearest_line():
    parts = find_parts(write(wish="Cerintele noastre", price="Prețul"), DOCUMENTS)
    assert "`Cerințele clientului`" in parts.problems[0]
    assert "`Cerintele noastre`" in parts.problems[0]
    assert "`Prețul`" in parts.problems[1]


def test_sections_in_the_wrong_order_are_a_problem():
    text = "Cerințele clientului\na\nOferta\nPreț și timp\nb\nScopul\nc"
    assert "Preț și timp" in find_parts(text, DOCUMENTS).problems[0]


def test_the_number_of_a_heading_itself_is_part_of_it():
    documents = Documents.model_validate(
        {
            "column": "text",
            "parts": {"old": {"headings": ["2024 plan"]}, "new": {"headings": ["2025 plan"]}},
        }
    )
    parts = find_parts("2025 plan\nnew\n1. 2024 plan\nold", documents)
    assert parts.texts == {"old": "old", "new": "new"}

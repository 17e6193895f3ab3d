"""Parts of documents are found by headings, however people type them."""

import pytest

from tuneline.parameters import Documents
from tuneline.pipelines.prepare.pairs import find_parts, fold_lines

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
        "(4) Preț și timp",
        "d) Preț și timp",
        "iv. Preț și timp",
        "§ 4: Preț și timp",
        "4 \u2013 Preț și timp",
        "=== Preț și timp ===",
        "• Preț și timp",
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


def test_what_is_before_the_first_part_is_counted():
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


@pytest.mark.parametrize("end", ["\r", "\r\n", "\u2028", "\x0b"])
def test_a_line_may_end_as_any_program_ends_it(end: str):
    assert find_parts(write().replace("\n", end), DOCUMENTS) == find_parts(write(), DOCUMENTS)


@pytest.mark.parametrize(
    "contents",
    [
        "Cuprins\nCerințele clientului\nOferta\nScopul\nPreț și timp\n\n",
        "1. Cerințele clientului\n\n2. Oferta\n2.1 Scopul\n2.2 Preț și timp\n",
        "Cerințele clientului\nOferta\n",
    ],
)
def test_headings_of_a_table_of_contents_begin_no_part(contents: str):
    assert find_parts(contents + write(), DOCUMENTS).texts == find_parts(write(), DOCUMENTS).texts


def test_sections_listed_at_the_head_of_their_part_are_no_sections_yet():
    text = write().replace("Oferta\n", "Oferta\nScopul\nPreț și timp\n")
    parts = find_parts(text, DOCUMENTS)
    assert parts.problems == []
    assert parts.texts["offer"].endswith("# Scopul\nUn site.\n# Preț și timp\n900 EUR")
    assert parts.texts["offer"].count("#") == 2


def test_a_part_without_text_is_a_problem_and_loses_no_other():
    text = write().replace("Vrem un site.\n", " \n")
    parts = find_parts(text, DOCUMENTS)
    assert parts.problems == ["wish: nothing is under its heading"]
    assert parts.texts["offer"].startswith("# Scopul")


def test_a_heading_that_is_nothing_but_a_number_is_not_found_in_blank_lines():
    documents = Documents.model_validate(
        {"column": "text", "parts": {"one": {"headings": ["1."]}, "two": {"headings": ["2."]}}}
    )
    assert find_parts("\n1.\na shop\n\n2.\na plan", documents).texts == {
        "one": "a shop",
        "two": "a plan",
    }


@pytest.mark.parametrize("line", ["e-shop", "A/B", "I want a shop", "a shop", "C++"])
def test_a_line_of_prose_keeps_its_first_letter(line: str):
    assert fold_lines([line])[0].startswith(line[0].lower())


def test_the_number_of_a_heading_itself_is_part_of_it():
    documents = Documents.model_validate(
        {
            "column": "text",
            "parts": {"old": {"headings": ["2024 plan"]}, "new": {"headings": ["2025 plan"]}},
        }
    )
    parts = find_parts("2025 plan\nnew\n1. 2024 plan\nold", documents)
    assert parts.texts == {"old": "old", "new": "new"}

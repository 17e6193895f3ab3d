"""Required sections are found as people and models write headings."""

import pytest

from tests.pipelines.evaluate.metrics.measuring import PLAIN, measure

ROMANIAN = ["Scop", "Structura", "Preț"]


def find(answer: str, *sections: str) -> float:
    """Measure the share of the sections that an answer has."""
    evaluation = PLAIN.model_copy(update={"sections": list(sections)})
    return measure(answer, evaluation=evaluation)["sections"]


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("# Scop\ntext\n## 2. Structura\ntext\n**Preț**", 100),
        ("Scop\nPreț\nStructura", 200 / 3),
        ("preț", 100 / 3),
        ("On Scop and Structura and Preț", 0),
        ("Scop: un site. Structura: trei. Preț: 900", 100 / 3),
        ("", 0),
    ],
)
def test_required_sections_count_in_their_order(answer: str, share: float):
    assert find(answer, *ROMANIAN) == pytest.approx(share)


@pytest.mark.parametrize(
    "line",
    [
        "Use",
        "USE:",
        "• Use",
        "- Use",
        "* **Use**",
        "1. Use",
        "1) Use",
        "(1) Use",
        "[1] Use",
        "2 Use",
        "4.1 Use",
        "4.1. Use",
        "a) Use",
        "(a) Use",
        "B. Use",
        "I. Use",
        "iv) Use",
        "一、Use",
        "（二）Use",
        "第三章 Use",
        "① Use",
        "1️⃣ Use",
        "📌 Use",
        "## Use ##",
        "<h2>Use</h2>",
        "<h2>Use",
        '<h3 class="x"><b>1. Use</b></h3>',
        "__Use__",
        "> ### Use",
        "| Use |",
        "Use: pour the tea.",
        "Use – pour the tea.",
        "**Use** Pour the tea.",
        "<strong>Use</strong> Pour the tea.",
        "1. **Use:** pour the tea.",
        "Ｕｓｅ",
    ],
)
def test_a_heading_counts_however_it_is_numbered_and_marked(line: str):
    assert find(f"text\n{line}\ntext", "Use") == 100


@pytest.mark.parametrize(
    ("line", "section"),
    [
        ("Used cars are cheap.", "Use"),
        ("Use it with care.", "Use"),
        ("Use of the lamp", "Use"),
        ("The use", "Use"),
        ("2025 plan", "2024 plan"),
        ("5 tips", "10 tips"),
        ("plan", "2024 plan"),
        ("C++", "C#"),
        ("使用方法", "使用"),
        ("Prețul", "Preț"),
    ],
)
def test_words_of_a_heading_in_other_words_are_no_heading(line: str, section: str):
    assert find(line, section) == 0
    assert find(section, section) == 100


@pytest.mark.parametrize(
    ("line", "section"),
    [
        ("PRET SI TIMP", "Preț și timp"),
        ("Preţ şi timp", "Preț și timp"),
        ("Scop", "1. Scop"),
        ("3. Scop", "1. Scop"),
        ("1. 2024 plan", "2024 plan"),
        ("使用 方法：", "使用方法"),
        ("二、保養", "保養"),
    ],
)
def test_typography_and_the_number_before_a_heading_do_not_count(line: str, section: str):
    assert find(line, section) == 100

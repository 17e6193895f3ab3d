from pathlib import Path

import pytest

from tests.datasets.pdfs import protect, write_pdf
from tests.datasets.test_raw_documents import problems, read
from tuneline.datasets.pdf import join_lines

LINES = ["Water", "The water for green tea has seventy-five degrees, and no more than", "that."]
TEXT = "Water\nThe water for green tea has seventy-five degrees, and no more than that."


@pytest.mark.parametrize("content", [write_pdf(LINES), protect(write_pdf(LINES), "")])
def test_the_text_of_a_pdf_is_its_paragraphs(tmp_path: Path, content: bytes):
    (tmp_path / "a.pdf").write_bytes(content)
    assert read(str(tmp_path))["text"].to_list() == [TEXT]


def test_a_pdf_without_text_is_named(tmp_path: Path):
    contents = {
        "damaged.pdf": write_pdf(LINES)[:200],
        "empty.pdf": b"",
        "other.pdf": b"just text",
        "protected.pdf": protect(write_pdf(LINES), "secret"),
        "scanned.pdf": write_pdf([]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = {name: reason.split(":")[0] for name, reason in problems(read(str(tmp_path))).items()}
    assert found == {
        "damaged.pdf": "damaged",
        "empty.pdf": "empty document",
        "other.pdf": "no PDF",
        "protected.pdf": "protected by a password",
        "scanned.pdf": "a scanned PDF",
    }


def test_a_divided_word_is_joined_and_a_question_ends_its_line():
    wide = "a line that is as wide as the page and ends with a divi-"
    question = "Is a question of some length, say of this length, a line?"
    text = join_lines(f"{wide}\nded word\n{question}\nYes.")
    assert text.splitlines() == [f"{wide[:-1]}ded word", question, "Yes."]

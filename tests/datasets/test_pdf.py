from pathlib import Path

import pytest

from tests.datasets.pdfs import encrypt_by_aes, protect, write_pdf
from tests.datasets.test_raw_documents import problems, read
from tuneline.datasets import RawDocumentsDataset
from tuneline.datasets.pdf import join_lines
from tuneline.streaming import Fields

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
        "blank.pdf": write_pdf([""]),
        "encrypted.pdf": encrypt_by_aes(),
        "protected.pdf": protect(write_pdf(LINES), "secret"),
        "scanned.pdf": write_pdf([]),
        "without letters.pdf": write_pdf(["\x01\x02\x03\x04 \x05\x06 of"]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = {name: reason.split(":")[0] for name, reason in problems(read(str(tmp_path))).items()}
    assert found == {
        "damaged.pdf": "damaged",
        "empty.pdf": "empty document",
        "other.pdf": "no PDF",
        "blank.pdf": "no text",
        "encrypted.pdf": "protected by a password, or encrypted (AES)",
        "protected.pdf": "protected by a password",
        "scanned.pdf": "a scanned PDF",
        "without letters.pdf": "a PDF whose fonts do not say which letters they draw",
    }


def test_letters_that_no_font_names_are_counted(tmp_path: Path):
    (tmp_path / "a.pdf").write_bytes(write_pdf([*LINES, "And \x01\x02."]))
    source = RawDocumentsDataset(filepath=str(tmp_path)).load()
    (table,) = source.map(Fields("id", ("text",)), lambda one: one)
    assert table["problem"].to_list() == [None]
    assert "2 signs that no font names" in source.notes[0]


def test_a_divided_word_is_joined_and_a_question_ends_its_line():
    wide = "a line that is as wide as the page and ends with a divi-"
    question = "Is a question of some length, say of this length, a line?"
    text = join_lines(f"{wide}\nded word\n{question}\nYes.")
    assert text.splitlines() == [f"{wide[:-1]}ded word", question, "Yes."]

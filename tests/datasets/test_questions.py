"""Files of questions."""

from pathlib import Path

import pytest

from tuneline.datasets import QuestionsDataset
from tuneline.errors import TunelineError


def read(path: Path, content: str | bytes) -> list[tuple[str, str]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return QuestionsDataset(filepath=str(path)).load().read()


def test_each_line_of_a_text_file_is_a_question(tmp_path: Path):
    found = read(tmp_path / "questions.txt", "\ufeffCo je máta?\r\n\r\n  A, or = b?\n")
    assert found == [
        (f"{tmp_path}/questions.txt line 1", "Co je máta?"),
        (f"{tmp_path}/questions.txt line 3", "A, or = b?"),
    ]


def test_a_csv_file_has_a_column_of_questions(tmp_path: Path):
    found = read(tmp_path / "questions.csv", 'id;question\n1;"One; two"\n2;""\n3;"a\nb"\n')
    assert [question for _, question in found] == ["One; two", "", "a\nb"]
    assert [where.rsplit(" ", 1)[1] for where, _ in found] == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("q.txt", "\n \n", "holds no question"),
        ("q.csv", "question\n", "holds no question"),
        ("q.csv", "", "the file is empty"),
        ("q.csv", "id,questions\n1,2\n", "no column is named `question`; .*`questions`"),
        ("q.csv", "id,question\n1,2,3\n", "line 2: cells not as in the header"),
        ("q.jsonl", '{"question": "Pot?"}\n', "not read from a .jsonl file; .*save it as CSV"),
        ("q.xlsx", b"PK\x03\x04", "not read from a .xlsx file"),
        ("q.txt", "žluťoučký kůň\n".encode("cp1250"), "not UTF-8 but probably"),
    ],
)
def test_a_file_that_cannot_be_asked_is_a_sentence(
    tmp_path: Path, name: str, content: str | bytes, words: str
):
    with pytest.raises(TunelineError, match=words):
        read(tmp_path / name, content)


def test_a_file_that_is_not_there_is_no_error_yet(tmp_path: Path):
    assert not QuestionsDataset(filepath=str(tmp_path / "none.txt")).load().exists()

from pathlib import Path

import pytest

from tuneline.datasets import QuestionsDataset
from tuneline.errors import TunelineError
from tuneline.examples import find_system, start_messages
from tuneline.models.adapter import Room
from tuneline.parameters import Prompt

ONE = Prompt(prompt="Describe: {title}", completion="{content}")
SYSTEMS = Prompt(system="{system}", prompt="{user}", completion="{assistant}")


def example(system: str) -> dict:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "?"}]
    return {"id": "1", "prompt": messages, "completion": [], "meta": {}}


def test_a_question_fills_the_one_column_of_the_prompt():
    (asked,) = start_messages("A {blue} pot", ONE, None)
    assert asked == {"role": "user", "content": "Describe: A {blue} pot"}
    twice = ONE.model_copy(update={"prompt": "{title}: describe {title}, in {{braces}}"})
    assert start_messages("Pot", twice, None)[0]["content"] == "Pot: describe Pot, in {braces}"


@pytest.mark.parametrize("template", ["{title} by {maker}", "Say something"])
def test_without_one_column_a_question_is_the_whole_prompt(template: str):
    prompt = ONE.model_copy(update={"prompt": template})
    assert start_messages("A pot", prompt, "Be kind.") == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "A pot"},
    ]


def test_the_system_message_is_that_of_the_training():
    assert find_system(ONE, [example("other")]) is None
    stated = ONE.model_copy(update={"system": "You sell {{pots}}."})
    assert find_system(stated, []) == "You sell {pots}."
    assert find_system(SYSTEMS, [example("Keeper"), example("Keeper")]) == "Keeper"


@pytest.mark.parametrize("systems", [[], ["Keeper", "Cook"]])
def test_system_messages_by_row_leave_no_choice_to_chance(systems: list[str]):
    words = rf"prompt\.system = \{{system\}}: .* {len(systems)} different"
    with pytest.raises(TunelineError, match=words):
        find_system(SYSTEMS, [example(one) for one in systems])


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


def test_prompt_and_answer_must_fit_into_the_context_together():
    room = Room(context=100, answer=40)
    assert list(room.find_overlong("q", 60)) == []
    (problem,) = room.find_overlong("q", 61)
    assert "61 tokens and the answer may have 40; the base model reads 100" in str(problem)
    assert "shorten it to 60 tokens" in str(problem)
    assert list(Room(context=None, answer=40).find_overlong("q", 10**6)) == []

import re
from pathlib import Path

import orjson
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import load_parameters
from tuneline.datasets import QuestionsDataset
from tuneline.errors import TunelineError
from tuneline.examples import (
    Example,
    fill_templates,
    find_system,
    hash_templates,
    list_messages,
    list_prompts,
    split_terms,
    start_messages,
)
from tuneline.models.adapter import ContextBudget
from tuneline.parameters import Data, Evaluation, Prompt, Split

DATA = Data(
    id="uid", columns=["title", "content"], split=Split(test=1, validation=1, group="title")
)
ROW = {"line": 7, "uid": "0042", "title": "Pot {hot} & {title}", "content": "It's {0} hot."}


def test_templates_are_filled_and_braces_in_the_data_stay():
    prompt = Prompt(prompt="Describe: {title}", completion="{content}")
    example = fill_templates(ROW, DATA, prompt)
    assert example == {
        "id": "0042",
        "prompt": [{"role": "user", "content": "Describe: Pot {hot} & {title}"}],
        "completion": [{"role": "assistant", "content": "It's {0} hot."}],
        "meta": {"line": 7, "templates": hash_templates(prompt)},
    }


def test_examples_tell_which_templates_they_were_filled_with():
    prompt = Prompt(prompt="Describe: {title}", completion="{content}")
    first = fill_templates(ROW, DATA, prompt)["meta"]["templates"]
    for changes in ({"prompt": "Name: {title}"}, {"system": "Be brief."}):
        changed = prompt.model_copy(update=changes)
        assert fill_templates(ROW, DATA, changed)["meta"]["templates"] != first
    same = fill_templates({**ROW, "title": "A cup"}, DATA, prompt)
    assert same["meta"]["templates"] == first


def test_a_system_message_comes_first():
    prompt = Prompt(system="Be brief.", prompt="{title}", completion="{content}")
    assert fill_templates(ROW, DATA, prompt)["prompt"][0] == {
        "role": "system",
        "content": "Be brief.",
    }


def test_category_slices_and_key_terms_are_carried_where_they_are_named():
    data = DATA.model_copy(update={"category": "kind", "slices": ["level"], "key_terms": "terms"})
    row = {**ROW, "kind": "care", "level": "basics", "terms": "70–90 %; VOCs"}
    prompt = Prompt(prompt="{title}", completion="{content}")
    assert fill_templates(row, data, prompt)["meta"] == {
        "line": 7,
        "templates": hash_templates(prompt),
        "category": "care",
        "slices": {"level": "basics"},
        "key_terms": ["70–90 %", "VOCs"],
    }
    empty = {**ROW, "kind": None, "level": None, "terms": ""}
    assert fill_templates(empty, data, prompt)["meta"] == {
        "line": 7,
        "templates": hash_templates(prompt),
        "category": "",
        "slices": {"level": ""},
        "key_terms": [],
    }


def test_the_group_of_the_split_is_carried_and_a_row_without_one_is_alone():
    prompt = Prompt(prompt="{title}", completion="{content}")
    grouped = fill_templates({**ROW, "_group": "pot hot title"}, DATA, prompt)
    assert grouped["meta"]["groups"] == {"title": "pot hot title"}
    for empty in ("", None):
        assert "groups" not in fill_templates({**ROW, "_group": empty}, DATA, prompt)["meta"]


def test_what_is_made_of_a_document_belongs_to_it():
    documents = {"column": "text", "parts": {"wish": {"headings": ["Wish"]}}}
    data = Data.model_validate(
        {
            "id": "id",
            "columns": ["text"],
            "documents": documents,
            "split": {"test": 1, "validation": 1},
        }
    )
    row = {"line": 3, "id": 6, "wish": "A shop."}
    meta = fill_templates(row, data, Prompt(prompt="{wish}", completion="{wish}"))["meta"]
    assert meta["groups"] == {"document": "6"}


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("mint; lemon balm ;", ["mint", "lemon balm"]),
        (["mint", " lemon balm", ""], ["mint", "lemon balm"]),
        ('["mint", "salt; pepper"]', ["mint", "salt; pepper"]),
        ("70", ["70"]),
        ("[sic]", ["[sic]"]),
        ("", []),
    ],
)
def test_terms_are_read_from_a_list_or_a_text_with_semicolons(terms, expected):
    assert split_terms(terms) == expected


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            {"prompt": "Blue teapot"},
            "example 1: prompt: this is no part of an example",
        ),
        (
            {"completion": [{"role": "assistant"}]},
            "example 1: completion.0.content: this is no part of an example (field required)",
        ),
        ({"id": 7}, "(input should be a valid string)"),
    ],
)
def test_a_line_that_is_no_example_is_named_as_it_is_loaded(spoil: dict, words: str, project: Path):
    path = project / "data/test/05_model_input/product_descriptions/train.jsonl"
    path.parent.mkdir(parents=True)
    example = {
        "id": "1",
        "prompt": [{"role": "user", "content": "Blue teapot"}],
        "completion": [{"role": "assistant", "content": "It is blue."}],
        "meta": {"line": 1},
    }
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        catalog = session.load_context().catalog
    path.write_bytes(orjson.dumps(example))
    assert catalog.load("product_descriptions.train") == [example]
    path.write_bytes(orjson.dumps(example | spoil))
    with pytest.raises(Exception, match=re.escape(words)):
        catalog.load("product_descriptions.train")


EXAMPLE: Example = {
    "id": "1",
    "prompt": [
        {"role": "system", "content": "You sell {tea}."},
        {"role": "user", "content": "Describe: Oak Spoon"},
    ],
    "completion": [{"role": "assistant", "content": "A spoon."}],
    "meta": {"line": 1},
}


def test_a_fixed_question_is_asked_in_the_form_of_the_training():
    prompt = Prompt(system="You sell {{tea}}.", prompt="Describe: {title}", completion="{content}")
    evaluation = Evaluation(title="Tea", questions=["Tea Pot"], generation={})
    held_out, question = list_prompts([EXAMPLE], prompt, evaluation)
    assert list_messages(held_out) == EXAMPLE["prompt"]
    assert list_messages(question) == [
        {"role": "system", "content": "You sell {tea}."},
        {"role": "user", "content": "Describe: Tea Pot"},
    ]
    assert question["reference"] is None


def test_the_main_use_case_asks_for_titles():
    main = load_parameters()
    *_, question = list_prompts([EXAMPLE], main.prompt, main.evaluation)
    assert question["prompt"] == "Write a product description for: Wooden Abacus"


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
    without = {**example("Keeper"), "prompt": example("Keeper")["prompt"][1:]}
    assert find_system(SYSTEMS, [without, example("Keeper")]) == "Keeper"
    assert find_system(SYSTEMS, [without]) is None


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
    room = ContextBudget(context=100, answer=40)
    assert list(room.find_overlong("q", 60)) == []
    (problem,) = room.find_overlong("q", 61)
    assert "61 tokens and the answer may have 40; the base model reads 100" in str(problem)
    assert "shorten it to 60 tokens" in str(problem)
    assert list(ContextBudget(context=None, answer=40).find_overlong("q", 10**6)) == []

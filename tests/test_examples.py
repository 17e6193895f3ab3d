import re
from pathlib import Path

import orjson
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tuneline.examples import fill_templates, hash_templates, split_terms
from tuneline.models.model_pair import ContextBudget
from tuneline.parameters import Data, Prompt, Split

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


def test_prompt_and_answer_must_fit_into_the_context_together():
    room = ContextBudget(context=100, answer=40)
    assert list(room.find_overlong("q", 60)) == []
    (problem,) = room.find_overlong("q", 61)
    assert "61 tokens and the answer may have 40; the base model reads 100" in str(problem)
    assert "shorten it to 60 tokens" in str(problem)
    assert list(ContextBudget(context=None, answer=40).find_overlong("q", 10**6)) == []

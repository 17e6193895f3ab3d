from pathlib import Path

import click
import pytest
from kedro.framework.startup import bootstrap_project

from tests.commands import kedro
from tuneline.cli import cli

pytestmark = pytest.mark.slow


def read(typed: str) -> dict:
    """Read `--params` as the command `run` does."""
    command = cli.commands["run"]
    return command.make_context("run", [f"--params={typed}"]).params["params"]


@pytest.mark.parametrize(
    "question",
    [
        "Blue teapot, 1 liter",
        "Is a = b, or c=d?",
        "question=what?",
        "Is it: good? [yes] {no} # maybe",
        "null",
        "42",
        " ",
        "one\ntwo, three",
        "",
    ],
)
def test_a_question_is_taken_as_it_was_typed(question: str):
    assert read(f"question={question}") == {"question": question}


def test_other_parameters_come_before_the_question():
    assert read("a.b=1,c=x,question=One, two=3") == {
        "a": {"b": 1},
        "c": "x",
        "question": "One, two=3",
    }


def test_without_a_question_the_option_is_kedros():
    assert read("a.b=1,c=x") == {"a": {"b": 1}, "c": "x"}
    assert read("a.question=1") == {"a": {"question": 1}}
    with pytest.raises(click.UsageError, match="must contain a key"):
        read("nothing")


@pytest.mark.parametrize("question", ["What is ${x}?", r"\${x}", r"C:\new", r"\\${globals:data}"])
def test_a_question_is_no_reference_to_another_parameter(question: str, project: Path):
    from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

    params = read(f"question={question}")
    loader = CONFIG_LOADER_CLASS(
        str(project / "conf"), env="test", runtime_params=params, **CONFIG_LOADER_ARGS
    )
    assert loader["parameters"]["question"] == question


def test_an_unknown_use_case_is_a_sentence_before_anything_is_loaded(project: Path):
    from tuneline.chat.page_server import open_chat
    from tuneline.errors import TunelineError

    bootstrap_project(project)
    with pytest.raises(TunelineError, match="USE_CASE = shoes: there is no such use case"):
        open_chat("shoes", "test", project)


@pytest.mark.parametrize(
    "typed",
    ["--nodes=product_descriptions.clean", "--from-inputs=product_descriptions.cleen", "--tags=x"],
)
def test_a_part_that_no_pipeline_has_is_a_sentence(typed: str, project: Path):
    ended = kedro(project, "run", "--env=test", typed)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "Error: Pipeline" in ended.stderr
    assert "`kedro registry describe <pipeline>` lists what there is." in ended.stderr


def test_two_use_cases_in_one_command_are_a_sentence(project: Path):
    ended = kedro(project, "run", "--env=test", "--pipelines=prepare,shoe_mould.prepare")
    assert ended.returncode == 1
    assert "these are stages of several use cases" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_several_stages_of_one_use_case_are_one_run(project: Path):
    ended = kedro(project, "run", "--env=test", "--pipelines=prepare,plan")
    assert ended.returncode == 0, ended.stderr
    assert (project / "data/test/08_reporting/product_descriptions/plan.html").is_file()


def test_a_value_that_is_no_yaml_is_a_sentence():
    with pytest.raises(click.UsageError) as caught:
        read("a.pattern=[.!?]$")
    assert "a.pattern=[.!?]$: a value is no YAML" in caught.value.format_message()

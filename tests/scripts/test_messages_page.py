"""The page of every message has every message of the code."""

import ast
from collections.abc import Iterator

import pytest
from mkdocs.config import load_config
from mkdocs.structure.files import Files

from scripts.reference.messages_page import SOURCE, has_words, list_messages, render_page
from tests.documentation import PROJECT

PAGE = render_page()
# Modules that hand on what a library, a provider or a row says, in its words.
HANDED_ON = {
    "checks/start_from.py",
    "models/start_adapter.py",
    "checks/base_model_files.py",
    "checks/base_models.py",
    "checks/configuration_files.py",
    "checks/library_keys.py",
    "checks/parameters.py",
    "checks/sweep_space.py",
    "datasets/questions.py",
    "models/control_tokens.py",
    "pipelines/finetune_api/job.py",
    "pipelines/prepare/nodes.py",
    "pipelines/synthesize/templates.py",
    "spark/session.py",
}


def list_literals() -> Iterator[str]:
    """List the longest literal piece of what is wrong, of every `Problem` that has one."""
    for path in sorted(SOURCE.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Problem":
                wrong = next((one.value for one in call.keywords if one.arg == "wrong"), None)
                pieces = [one.value for one in ast.walk(wrong or call) if is_text(one)]
                if wrong and pieces:
                    yield max(pieces, key=len)


def is_text(node: ast.AST) -> bool:
    """Tell a text from a key such as `msg`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


@pytest.mark.parametrize("literal", sorted(set(list_literals())))
def test_the_page_has_every_problem_that_the_code_words(literal: str):
    assert " ".join(literal.split()).replace("|", "\\|").replace("<", "&lt;") in PAGE


def test_only_what_others_say_has_no_words():
    silent = {str(one.path) for one in list_messages() if not any(map(has_words, one.wrong))}
    assert silent <= HANDED_ON


def test_what_is_handed_from_function_to_function_is_found():
    rows = {wrong: remedy for one in list_messages() for wrong, remedy in one.rows}
    assert rows["the disk takes no more (…)"]
    assert rows["two columns have this name"].startswith("rename the column")
    assert rows["there is no model in this folder, seen from …/"].startswith("give a hub id")
    assert rows["the shares of `styles` add up to …"] == "make them add up to 1"


def test_mkdocs_builds_the_page():
    config = load_config(str(PROJECT / "mkdocs.yml"))
    files = config.plugins.on_files(Files([]), config=config)
    assert files.get_file_from_path("messages.md").content_string == PAGE

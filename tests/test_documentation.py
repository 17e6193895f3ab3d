"""Whatever the documentation tells a reader to type works, and the files it names are there."""

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.documentation import PLACEHOLDER, PROJECT, Command, collect_commands, collect_files
from tests.documented_commands import Reader, furnish, order

pytestmark = pytest.mark.slow

# Files that pages name and that no documented command makes, and why.
NOT_MADE = (
    (r"data/07_model_output/.*/(rating_sheet|rating_key|ratings)\b.*", "made only with a rubric"),
    (r"data/06_models/.*/gguf/model-.*\.gguf", "llama.cpp's converter is no part of it"),
    (r"data/06_models/.*/adapter/20\d\d-.*", "the version of one run, in an example of the output"),
    (r"data/test", "where --env=test writes; here it is the copy's own"),
)
COMMANDS = sorted(collect_commands(), key=lambda command: order(command.text))


@pytest.fixture(scope="module")
def reader(finished_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody in a copy of the project in which every use case has run once."""
    folder = copy_project(tmp_path_factory.mktemp("reader") / "project")
    shutil.copytree(finished_runs / "data/test", folder / "data/test")
    furnish(folder)
    return Reader(folder)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.text)
def test_the_command_works_as_documented(
    reader: Reader, command: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(reader.folder)
    try:
        reader.type(command.text)
    except AssertionError as error:
        raise AssertionError(f"{error} ({', '.join(command.places)})") from error


def test_the_files_that_are_named_are_there(reader: Reader):
    """After all commands: what they are said to make has been made."""
    if not reader.typed:
        pytest.skip("it looks at what the commands of the test above have made")
    missing = [
        f"{name} ({place})"
        for name, place in collect_files().items()
        if not any(re.fullmatch(pattern, name) for pattern, _ in NOT_MADE)
        and not is_there(reader, name)
    ]
    assert missing == []


def is_there(reader: Reader, name: str) -> bool:
    pattern = re.sub(PLACEHOLDER, "*", name).replace("…", "*").rstrip("/")
    inner = pattern.removeprefix("data/")
    return any(
        any(folder.glob(one))
        for folder, one in (
            (PROJECT, pattern),
            (reader.folder, pattern),
            (reader.folder / "data/test", inner),
        )
    )

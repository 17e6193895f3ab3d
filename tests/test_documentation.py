"""Whatever the documentation tells a reader to type works, and the files it names are there."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.documentation import Command, collect_commands
from tests.documented_commands import Reader, furnish, order

COMMANDS = sorted(collect_commands(), key=lambda command: order(command.text))


@pytest.fixture(scope="module")
def reader(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody in a copy of the project in which the chain has run once."""
    folder = copy_project(tmp_path_factory.mktemp("reader") / "project")
    shutil.copytree(finished_run / "data/test", folder / "data/test")
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

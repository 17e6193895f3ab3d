"""Nothing is published unless it is asked for twice: in a file, and on the command line."""

import re
from pathlib import Path

import pytest

from tests.conftest import copy_project
from tests.pipelines.publish.hub_runs import REPO, state
from tuneline.checks.parameters import check_parameters
from tuneline.errors import TunelineError
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

pytestmark = pytest.mark.slow


def check(folder: Path, said: dict, **stated: object) -> None:
    project = copy_project(folder)
    state(project, publish=stated)
    said = {"product_descriptions": {"publish": said}}
    conf = str(project / "conf")
    check_parameters(
        CONFIG_LOADER_CLASS(conf, env="test", runtime_params=said, **CONFIG_LOADER_ARGS)
    )


def test_the_name_in_a_file_and_the_word_on_the_command_line_publish(tmp_path: Path):
    check(tmp_path / "project", {"dry_run": False}, repo_id=REPO)


@pytest.mark.parametrize(
    ("stated", "said", "words"),
    [
        ({"dry_run": False}, {}, "publish.dry_run = False: it is in a file"),
        ({}, {"repo_id": "me/slip"}, "publish.repo_id = me/slip: it is on the command line"),
    ],
)
def test_once_is_not_enough(tmp_path: Path, stated: dict, said: dict, words: str):
    with pytest.raises(TunelineError, match=re.escape(words)):
        check(tmp_path / "project", said, **stated)

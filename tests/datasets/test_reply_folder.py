from pathlib import Path

import pytest

from tuneline.datasets import ResponseFolderDataset
from tuneline.errors import TunelineError
from tuneline.llm_api.client import Failure, Response

REPLY = Response(text="Ticho tam dole!", model="m", prompt_tokens=3, completion_tokens=None)


def test_responses_and_failures_come_back_as_they_were(tmp_path: Path):
    folder = ResponseFolderDataset(filepath=str(tmp_path / "responses")).load()
    folder.write("answers", "a1", REPLY)
    folder.write("answers", "a2", Failure("no response within 3 s"))
    again = ResponseFolderDataset(filepath=str(tmp_path / "responses")).load()
    assert again.read("answers", "a1") == REPLY
    assert again.read("answers", "a2") == Failure("no response within 3 s")
    assert again.read("questions", "a1") is None


def test_a_folder_that_is_not_there_yet_is_where_every_run_starts(tmp_path: Path):
    dataset = ResponseFolderDataset(filepath=str(tmp_path / "responses"))
    assert dataset.exists()
    assert dataset.load().read("answers", "a1") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"other": 1}'])
def test_a_response_that_was_changed_by_hand_is_named(tmp_path: Path, content: str):
    path = tmp_path / "answers/a1.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(TunelineError, match=r"a1\.json: it is no reply"):
        ResponseFolderDataset(filepath=str(tmp_path)).load().read("answers", "a1")


def test_responses_are_never_written_as_a_whole(tmp_path: Path):
    with pytest.raises(TunelineError, match="kept one by one"):
        ResponseFolderDataset(filepath=str(tmp_path)).save({})

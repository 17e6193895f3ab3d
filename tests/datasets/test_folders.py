from pathlib import Path

import pytest

from tuneline.datasets import FolderDataset, MovedFolderDataset
from tuneline.errors import TunelineError


def test_a_folder_is_given_as_a_path_whether_it_exists_or_not(tmp_path: Path):
    dataset = FolderDataset(filepath=str(tmp_path / "runs"))
    assert dataset.exists()
    assert dataset.load() == tmp_path / "runs"


def test_a_finished_folder_takes_the_place_of_the_one_before(tmp_path: Path):
    dataset = MovedFolderDataset(filepath=str(tmp_path / "merged"))
    assert not dataset.exists()
    for name in ("first", "second"):
        folder = tmp_path / "merging" / name
        folder.mkdir(parents=True)
        (folder / name).touch()
        dataset.save(folder)
        assert [path.name for path in dataset.load().iterdir()] == [name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["merged", "merging"]
    assert not any((tmp_path / "merging").iterdir())


def test_a_file_in_the_place_of_a_folder_stays(tmp_path: Path):
    (tmp_path / "merged").write_text("words")
    (tmp_path / "folder").mkdir()
    with pytest.raises(TunelineError, match="a folder lies where a file should be, or a file"):
        MovedFolderDataset(filepath=str(tmp_path / "merged")).save(tmp_path / "folder")
    assert (tmp_path / "merged").read_text() == "words"

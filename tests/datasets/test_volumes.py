import shutil
from pathlib import Path

import pytest

from tuneline.datasets import FolderDataset, VolumesDataset


def test_free_space_is_that_of_the_disk_on_which_a_folder_will_lie(tmp_path: Path):
    dataset = VolumesDataset(
        folders={"output": str(tmp_path / "not/yet/there"), "hub_cache": "hub_cache"}
    )
    volumes = dataset.load()
    assert volumes["output"]["free_gb"] == pytest.approx(
        shutil.disk_usage(tmp_path).free / 1e9, rel=0.05
    )
    assert volumes["output"]["volume"] == tmp_path.stat().st_dev
    assert volumes["hub_cache"]["folder"].endswith("hub")


def test_a_folder_is_given_as_a_path_whether_it_exists_or_not(tmp_path: Path):
    dataset = FolderDataset(filepath=str(tmp_path / "runs"))
    assert dataset.exists()
    assert dataset.load() == tmp_path / "runs"

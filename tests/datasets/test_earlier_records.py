import os
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tuneline.datasets import EarlierRecordsDataset, JSONDataset


def write(path: Path, seconds: int) -> None:
    JSONDataset(filepath=str(path)).save({"from": path.parent.name})
    os.utime(path, (seconds, seconds))


def test_the_last_record_comes_first_and_a_broken_one_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    records = EarlierRecordsDataset(filepath=str(tmp_path), pattern="*/training_record.json")
    assert records.exists()
    assert records.load() == []
    for name, seconds in (("a", 10), ("b", 30), ("c", 20), ("d", 40), ("e", 50)):
        write(tmp_path / name / "training_record.json", seconds)
    (tmp_path / "d/training_record.json").write_text('{"from": "d"')
    (tmp_path / "e/training_record.json").write_text("[1]")
    assert [one["from"] for one in records.load()] == ["b", "c", "a"]
    assert caplog.text.count("is left out") == 2
    assert "d/training_record.json" in caplog.text


def test_it_is_an_input_only(tmp_path: Path):
    with pytest.raises(DatasetError, match="input only"):
        EarlierRecordsDataset(filepath=str(tmp_path), pattern="*").save({})

"""Versions in the order in which they were made, whatever the clock said."""

import logging
from pathlib import Path

import pytest
from kedro.io import Version

from tuneline.datasets import JSONDataset, OptionalPartitionsDataset
from tuneline.utils.hashing import RECORD, order_versions, record_version

LATE, EARLY = "2026-11-26T10.00.00.000Z", "2020-01-01T00.00.00.000Z"


def make_dataset(folder: Path, save: str | None = None, load: str | None = None) -> JSONDataset:
    return JSONDataset(filepath=str(folder / "scores.json"), version=Version(load, save))


def test_the_last_one_made_is_the_latest_though_the_clock_was_set_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    make_dataset(tmp_path, LATE).save({"made": 1})
    assert "clock" not in caplog.text
    second = make_dataset(tmp_path, EARLY)
    second.save({"made": 2})
    assert f"scores.json = {EARLY}: an older name than {LATE}" in caplog.text
    assert second.load() == {"made": 2}
    assert make_dataset(tmp_path).load() == {"made": 2}
    assert make_dataset(tmp_path, load=LATE).load() == {"made": 1}
    listed = OptionalPartitionsDataset(
        path=str(tmp_path / "scores.json"),
        filename_suffix="/scores.json",
        dataset="tuneline.datasets.JSONDataset",
    ).load()
    assert [load()["made"] for load in listed.values()] == [1, 2]


def test_versions_of_before_there_was_a_record_come_first_by_name(tmp_path: Path):
    for name in ("2021", "2025"):
        (tmp_path / name).mkdir()
    record_version(tmp_path, "2024")
    (tmp_path / "2024").mkdir()
    (tmp_path / "2026").mkdir()  # copied from elsewhere
    there = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert order_versions(tmp_path, there) == ["2026", "2021", "2025", "2024"]


def test_a_version_that_a_kill_kept_from_being_there_is_passed_over(tmp_path: Path):
    make_dataset(tmp_path, LATE).save({"made": 1})
    record_version(tmp_path / "scores.json", "2027")  # the kill: recorded, and not yet renamed
    assert make_dataset(tmp_path).load() == {"made": 1}


def test_a_broken_record_is_told_and_names_count(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    make_dataset(tmp_path, EARLY).save({"made": 1})
    make_dataset(tmp_path, LATE).save({"made": 2})
    (tmp_path / "scores.json" / RECORD).write_bytes(b"[")
    with caplog.at_level(logging.WARNING):
        assert make_dataset(tmp_path).load() == {"made": 2}
    assert f"{RECORD} cannot be read" in caplog.text

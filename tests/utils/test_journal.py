from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tuneline.datasets import CacheDataset
from tuneline.utils.caches import Cache


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path):
    Cache(tmp_path / "new" / "cache").record("a", [{"text": "čaj"}])
    cache = Cache(tmp_path / "new" / "cache")
    assert cache.recall("a") == [{"text": "čaj"}]
    assert cache.recall("b") is None


def test_an_entry_that_was_cut_short_is_passed_over_and_spoils_no_other(tmp_path: Path):
    path = tmp_path / "cache"
    Cache(path).record("a", 1)
    path.write_bytes(path.read_bytes() + b'{"key": "b", "val')
    reopened = Cache(path)
    assert reopened.recall("b") is None
    reopened.record("b", 2)
    reopened.record("c", 3)
    assert [Cache(path).recall(key) for key in "abc"] == [1, 2, 3]


def test_entries_from_several_threads_are_all_whole(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.record(str(number), "x" * 5000), range(60)))
    again = Cache(tmp_path / "cache")
    assert all(again.recall(str(number)) for number in range(60))


def test_a_cache_is_there_before_its_file_and_is_not_saved_as_a_whole(tmp_path: Path):
    dataset = CacheDataset(filepath=str(tmp_path / "cache"))
    assert dataset.exists()
    with pytest.raises(DatasetError, match="record entries"):
        dataset.save(dataset.load())

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tuneline.datasets import CacheDataset
from tuneline.utils.caches import Cache


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path):
    Cache(tmp_path / "new" / "cache").put("a", [{"text": "čaj"}])
    cache = Cache(tmp_path / "new" / "cache")
    assert cache.get("a") == [{"text": "čaj"}]
    assert cache.get("b") is None


def test_an_entry_that_was_cut_short_is_passed_over_and_spoils_no_other(tmp_path: Path):
    path = tmp_path / "cache"
    Cache(path).put("a", 1)
    path.write_bytes(path.read_bytes() + b'{"key": "b", "val')
    reopened = Cache(path)
    assert reopened.get("b") is None
    reopened.put("b", 2)
    reopened.put("c", 3)
    assert [Cache(path).get(key) for key in "abc"] == [1, 2, 3]


def test_entries_from_several_threads_are_all_whole(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: cache.put(str(number), "x" * 5000), range(60)))
    again = Cache(tmp_path / "cache")
    assert all(again.get(str(number)) for number in range(60))


def test_a_cache_is_there_before_its_file_and_is_not_saved_as_a_whole(tmp_path: Path):
    dataset = CacheDataset(filepath=str(tmp_path / "cache"))
    assert dataset.exists()
    with pytest.raises(DatasetError, match="put values"):
        dataset.save(dataset.load())


def test_what_changes_while_the_cache_is_open_is_none_that_was_put(tmp_path: Path):
    path = tmp_path / "cache"
    cache = Cache(path)
    for key in "ab":
        cache.put(key, f"value of {key}")
    path.write_bytes(path.read_bytes().replace(b"value of a", b"value of x"))
    assert [cache.get(key) for key in "ab"] == [None, "value of b"]
    path.unlink()
    assert cache.get("b") is None
    cache.put("c", 3)
    assert [cache.get(key) for key in "abc"] == [None, None, 3]


def test_a_line_without_its_sha256_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "cache"
    path.write_bytes(b'{"key":"a","value":1}\n')
    assert Cache(path).get("a") is None
    assert "line 1 is not what was written there" in caplog.text


def test_memory_holds_keys_and_no_values(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    for number in range(100):
        cache.put(str(number), "x" * 100_000)
    tracemalloc.start()
    reopened = Cache(tmp_path / "cache")
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 200_000
    assert peak < 2_000_000
    assert all(reopened.get(str(number)) == "x" * 100_000 for number in range(100))

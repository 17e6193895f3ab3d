from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kedro.io import DatasetError

from tuneline.datasets import JournalDataset
from tuneline.utils.caches import Journal


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path):
    Journal(tmp_path / "new" / "journal").record("a", [{"text": "čaj"}])
    journal = Journal(tmp_path / "new" / "journal")
    assert journal.recall("a") == [{"text": "čaj"}]
    assert journal.recall("b") is None


def test_an_entry_that_was_cut_short_is_passed_over_and_spoils_no_other(tmp_path: Path):
    path = tmp_path / "journal"
    Journal(path).record("a", 1)
    path.write_bytes(path.read_bytes() + b'{"key": "b", "val')
    reopened = Journal(path)
    assert reopened.recall("b") is None
    reopened.record("b", 2)
    reopened.record("c", 3)
    assert [Journal(path).recall(key) for key in "abc"] == [1, 2, 3]


def test_entries_from_several_threads_are_all_whole(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.record(str(number), "x" * 5000), range(60)))
    again = Journal(tmp_path / "journal")
    assert all(again.recall(str(number)) for number in range(60))


def test_a_journal_is_there_before_its_file_and_is_not_saved_as_a_whole(tmp_path: Path):
    dataset = JournalDataset(filepath=str(tmp_path / "journal"))
    assert dataset.exists()
    with pytest.raises(DatasetError, match="record entries"):
        dataset.save(dataset.load())

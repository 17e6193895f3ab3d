import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tuneline.datasets import GrowingJSONLinesDataset, JSONLinesDataset, MergedJSONLinesDataset
from tuneline.errors import TunelineError

ROWS = [
    {"id": "0012", "prompt": [{"role": "user", "content": "čaj?"}], "meta": {"line": 3}},
    {"id": "NA", "prompt": [], "meta": {}},
]


@pytest.fixture
def dataset(tmp_path: Path) -> JSONLinesDataset:
    return JSONLinesDataset(filepath=str(tmp_path / "rows.jsonl"))


def test_rows_survive_the_round_trip(dataset: JSONLinesDataset):
    dataset.save(ROWS)
    assert dataset.load() == ROWS


def test_letters_are_written_as_they_are(dataset: JSONLinesDataset, tmp_path: Path):
    dataset.save(ROWS)
    assert "čaj?" in (tmp_path / "rows.jsonl").read_text(encoding="utf-8")


def test_a_line_changed_by_hand_is_named(dataset: JSONLinesDataset, tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text('{"id": 1}\n{"id": \n')
    with pytest.raises(TunelineError, match=r"rows\.jsonl line 2"):
        dataset.load()


def test_the_preview_shows_words_rather_than_json(dataset: JSONLinesDataset):
    dataset.save(ROWS)
    assert dataset.preview()["data"][0][1] == "čaj?"


def test_merged_rows_can_be_written_and_are_there(tmp_path: Path):
    dataset = MergedJSONLinesDataset(filepath=str(tmp_path / "made/raw.jsonl"))
    assert not dataset.exists()
    rows = [{"id": "a", "text": "Ticho!"}, {"id": "b", "text": "Světlo."}]
    dataset.save(rows)
    assert dataset.exists()
    lines = (tmp_path / "made/raw.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == rows


def test_feedback_only_grows(tmp_path: Path):
    dataset = GrowingJSONLinesDataset(filepath=str(tmp_path / "rows.jsonl"))
    assert (dataset.exists(), dataset.load()) == (True, [])
    dataset.save([{"id": 1, "text": "a", "date": "1"}])
    dataset.save([{"id": 1, "text": "a", "date": "2"}, {"id": 1, "text": "b", "date": "2"}])
    before = (tmp_path / "rows.jsonl").stat()
    dataset.save([])
    assert (tmp_path / "rows.jsonl").stat() == before  # what reads it stays up to date
    assert [(row["text"], row["date"]) for row in dataset.load()] == [("a", "1"), ("b", "2")]
    damaged = (tmp_path / "rows.jsonl").read_bytes() + b"{"
    (tmp_path / "rows.jsonl").write_bytes(damaged)
    with pytest.raises(TunelineError, match=r"line 3.*move it into another file"):
        dataset.save([{"id": 2, "text": "c"}])
    assert (tmp_path / "rows.jsonl").read_bytes() == damaged


ADD = """
import sys
from tuneline.datasets import GrowingJSONLinesDataset
dataset = GrowingJSONLinesDataset(filepath=sys.argv[1])
for number in range(int(sys.argv[3])):
    dataset.save([{"by": sys.argv[2], "number": number, "text": "ž" * 20_000}])
    print(number, flush=True)
"""


def add(path: Path, who: str, count: int) -> subprocess.Popen:
    command = [sys.executable, "-c", ADD, str(path), who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_several_chats_add_at_once_and_a_kill_loses_nothing_that_was_kept(tmp_path: Path):
    path = tmp_path / "feedback.jsonl"
    writers = [add(path, who, 15) for who in "ab"]
    killed = add(path, "killed", 10_000)
    assert killed.stdout is not None
    said = [killed.stdout.readline() for _ in range(3)]
    killed.send_signal(signal.SIGKILL)
    said += killed.communicate()[0].splitlines()
    assert [writer.wait() for writer in writers] == [0, 0]
    rows = GrowingJSONLinesDataset(filepath=str(path)).load()
    for who in "ab":
        assert [row["number"] for row in rows if row["by"] == who] == list(range(15))
    kept = [row["number"] for row in rows if row["by"] == "killed"]
    whole = [int(line) for line in said if line.strip()]
    assert kept[: len(whole)] == whole
    assert kept == list(range(len(kept)))
    assert len(kept) <= len(whole) + 1

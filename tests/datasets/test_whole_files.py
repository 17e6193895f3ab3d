from pathlib import Path

import orjson
import pytest

from tuneline.datasets import JSONLinesDataset, MergedJSONLinesDataset
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

from pathlib import Path

import orjson

from tuneline.datasets import MergedJSONLinesDataset


def test_merged_rows_can_be_written_and_are_there(tmp_path: Path):
    dataset = MergedJSONLinesDataset(filepath=str(tmp_path / "made/raw.jsonl"))
    assert not dataset.exists()
    rows = [{"id": "a", "text": "Ticho!"}, {"id": "b", "text": "Světlo."}]
    dataset.save(rows)
    assert dataset.exists()
    lines = (tmp_path / "made/raw.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == rows

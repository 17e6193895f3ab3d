from pathlib import Path

import orjson
import pytest

from tuneline.datasets import SummaryJSONDataset
from tuneline.streaming import Stream


@pytest.fixture
def dataset(tmp_path: Path) -> SummaryJSONDataset:
    return SummaryJSONDataset(filepath=str(tmp_path / "report.json"))


def test_the_summary_is_taken_when_it_is_saved_and_not_before(dataset: SummaryJSONDataset):
    told = {"rows": 0}
    summary = Stream(dict(told) for _ in range(1))
    told["rows"] = 7
    dataset.save(summary)
    assert dataset.load() == {"rows": 7}


def test_the_preview_is_the_whole_summary(dataset: SummaryJSONDataset):
    dataset.save(Stream([{"summary": "čaj"}]))
    assert orjson.loads(dataset.preview()) == {"summary": "čaj"}

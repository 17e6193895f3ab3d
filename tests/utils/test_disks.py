from pathlib import Path

import pytest
from kedro.io import DataCatalog

from tuneline.datasets import AdapterDataset, JSONLinesDataset
from tuneline.utils.disks import locate


def test_a_path_starts_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    catalog = DataCatalog({"answers": JSONLinesDataset(filepath=str(tmp_path / "a/answers.jsonl"))})
    assert locate(catalog, "answers") == "a/answers.jsonl"


def test_of_versions_the_latest_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    from kedro.io import Version

    dataset = AdapterDataset(filepath=str(tmp_path / "adapter"), version=Version(None, None))
    assert locate(DataCatalog({"adapter": dataset}), "adapter") == "adapter"
    for version in ("2026-01-01", "2026-01-02"):
        (tmp_path / "adapter" / version / "adapter").mkdir(parents=True)
    dataset.release()
    assert locate(DataCatalog({"adapter": dataset}), "adapter") == "adapter/2026-01-02/adapter"

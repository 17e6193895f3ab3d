"""What a notebook shows of a dataset."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.pandas import CSVDataset

from tests.conftest import PROJECT
from tuneline.errors import TunelineError
from tuneline.reporting.summary import show

pytestmark = pytest.mark.slow

USE_CASE = "product_descriptions"


@pytest.fixture(autouse=True)
def _known_pipelines():
    bootstrap_project(PROJECT)


def make_catalog(noun: str, value: object) -> DataCatalog:
    return DataCatalog({f"{USE_CASE}.{noun}": MemoryDataset(value)})


def test_rows_are_a_table_of_the_first_ones():
    rows = [{"id": str(number), "meta": {"line": number}} for number in range(20)]
    shown = show(make_catalog("train", rows), f"{USE_CASE}.train", rows=3)
    assert list(shown["id"]) == ["0", "1", "2"]
    assert list(shown["meta.line"]) == [0, 1, 2]


def test_messages_read_as_text():
    rows = [
        {
            "id": "1",
            "prompt": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Tea?"},
            ],
        }
    ]
    shown = show(make_catalog("train", rows), f"{USE_CASE}.train")
    assert shown.loc[0, "prompt"] == "system: Be brief.\nuser: Tea?"


def test_json_is_a_table_of_keys_and_values():
    shown = show(make_catalog("scores", {"loss": {"base": 1.5}}), f"{USE_CASE}.scores")
    assert shown.loc["loss base", "value"] == 1.5


def test_a_page_stays_in_its_frame():
    page = show(make_catalog("report", '<p>"&</p></iframe>'), f"{USE_CASE}.report")
    frame = page._repr_html_()
    assert 'srcdoc="&lt;p&gt;&quot;&amp;&lt;/p&gt;&lt;/iframe&gt;"' in frame
    assert "allow-same-origin" not in frame


def test_what_is_not_there_yet_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = CSVDataset(filepath=str(tmp_path / "epochs.csv"))
    catalog = DataCatalog({f"{USE_CASE}.epochs": dataset})
    caplog.set_level(logging.INFO, logger="tuneline")
    assert show(catalog, f"{USE_CASE}.epochs") is None
    assert f"{tmp_path}/epochs.csv" in caplog.text
    dataset.save(pd.DataFrame({"epoch": [1]}))
    assert len(show(catalog, f"{USE_CASE}.epochs")) == 1


def test_a_misspelled_name_gets_the_nearest_one():
    with pytest.raises(TunelineError, match=f"did you mean `{USE_CASE}.clean`"):
        show(DataCatalog({}), f"{USE_CASE}.claen")

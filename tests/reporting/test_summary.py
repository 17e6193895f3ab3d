"""The last lines of a run, and what a notebook shows: what was measured, and what was not."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset
from kedro_datasets.pandas import CSVDataset

from tests.conftest import PROJECT
from tests.pipelines.evaluate.test_scoring_nodes import REFERENCES, make_answers, score
from tuneline.errors import TunelineError
from tuneline.reporting.summary import show, summarize


def read_lines(scores: dict) -> list[str]:
    step = {"found": "16 steps", "do": "Train.", "key": "recipe.num_train_epochs", "value": 4}
    made = {
        "pots.scores": scores,
        "pots.adapter": "",
        "pots.report": "",
        "pots.next_steps": {"steps": [step, {**step, "key": None, "value": None}]},
    }
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in made.items()})
    return list(summarize({"pots.report"}, catalog))


def test_prompts_in_groups_and_notes_are_said():
    answers = make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))
    for number, row in enumerate(answers):
        row["groups"] = {"pot": str(number // 4)}
    lines = read_lines(score(answers))
    assert "measured on 40 prompts in 10 groups" in lines
    assert "  1. 16 steps. Train (recipe.num_train_epochs: 4)." in lines
    assert "  2. 16 steps. Train." in lines
    assert any("won 40, tied 0 and lost 0" in line for line in lines)


def test_a_loss_that_is_no_number_is_not_written_as_one():
    answers = make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))
    answers[7]["tuned_loss"] = None
    lines = read_lines(score(answers))
    assert [line.split()[-2:] for line in lines if line.startswith(("held-out", "perp"))] == [
        ["not", "measured"]
    ] * 2
    words = (
        "Not measured (not a number on 1 of 40 prompts of the tuned model): loss and perplexity."
    )
    assert words in lines


def test_too_few_prompts_have_no_interval_in_it():
    lines = read_lines(score(make_answers(["tea"] * 40, REFERENCES, (3.0, 1.0))[:4]))
    assert any(line.startswith("chrF") and line.endswith("(too few to tell)") for line in lines)


USE_CASE = "product_descriptions"


@pytest.fixture(autouse=True)
def _known_pipelines():
    bootstrap_project(PROJECT)


def make_catalog(noun: str, value: object) -> DataCatalog:
    return DataCatalog({f"{USE_CASE}.{noun}": MemoryDataset(value)})


@pytest.mark.slow
def test_rows_are_a_table_of_the_first_ones():
    rows = [{"id": str(number), "meta": {"line": number}} for number in range(20)]
    shown = show(make_catalog("train", rows), f"{USE_CASE}.train", rows=3)
    assert list(shown["id"]) == ["0", "1", "2"]
    assert list(shown["meta.line"]) == [0, 1, 2]


@pytest.mark.slow
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


@pytest.mark.slow
def test_json_is_a_table_of_keys_and_values():
    shown = show(make_catalog("scores", {"loss": {"base": 1.5}}), f"{USE_CASE}.scores")
    assert shown.loc["loss base", "value"] == 1.5


@pytest.mark.slow
def test_a_page_stays_in_its_frame():
    page = show(make_catalog("report", '<p>"&</p></iframe>'), f"{USE_CASE}.report")
    frame = page._repr_html_()
    assert 'srcdoc="&lt;p&gt;&quot;&amp;&lt;/p&gt;&lt;/iframe&gt;"' in frame
    assert "allow-same-origin" not in frame


@pytest.mark.slow
def test_what_is_not_there_yet_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    dataset = CSVDataset(filepath=str(tmp_path / "epochs.csv"))
    catalog = DataCatalog({f"{USE_CASE}.epochs": dataset})
    caplog.set_level(logging.INFO, logger="tuneline")
    assert show(catalog, f"{USE_CASE}.epochs") is None
    assert f"{tmp_path}/epochs.csv" in caplog.text
    dataset.save(pd.DataFrame({"epoch": [1]}))
    assert len(show(catalog, f"{USE_CASE}.epochs")) == 1


@pytest.mark.slow
def test_a_misspelled_name_gets_the_nearest_one():
    with pytest.raises(TunelineError, match=f"did you mean `{USE_CASE}.clean`"):
        show(DataCatalog({}), f"{USE_CASE}.claen")

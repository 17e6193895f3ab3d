"""A workbook with the traits of real ones becomes true questions in whole sentences."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from openpyxl import Workbook

from tests.conftest import PROJECT
from tests.pipelines.prepare.cleaning import clean
from tuneline.datasets import RawSheetDataset
from tuneline.errors import TunelineError
from tuneline.parameters import Data
from tuneline.pipelines.prepare.nodes import make_pairs
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

pytestmark = pytest.mark.slow

HEADER = (
    "ID",
    "Název EO",
    "Anglický název",
    "Latinský název",
    "Vibrace v MHz",
    "Účinky na tělo",
    "Účinky na psychiku / emoce",
)
# Every trait of a real table that once made an untrue answer or no sentence.
COLIC = "na nadýmání (plynatost, tlak), Ulevuje od křečí, které přicházejí po jídle, apod."
BODY = {
    "Anýz": f"OBECNÉ: Antioxidant, povzbuzuje\nTRÁVENÍ: {COLIC}",
    "Badyán": "TRÁVENÍ: • Při nadýmání\n• poměr 1:2 s olejem\nDÝCHÁNÍ: Pomáhá při kašli, zahřívá.",
    "Celer": "Obecné: antioxidant.\r\nOběh: na otoky; těžké nohy, když je horko",
    "Dobromysl (oregano)": "DÝCHÁNÍ: Kašel, „studená, vlhká“ rýma",
    "Estragon": None,
    "Galgán": "Zahřívá, na kašel, KAŠEL",
}
MIND = {
    "Anýz": "STRES: Uklidňuje",
    "Badyán": "\u2013",
    "Celer": "SPÁNEK: Navozuje klid. Pomáhá usnout, když to nejde.",
    "Dobromysl (oregano)": "STRES: Uklidňující, při napětí\nDÝCHÁNÍ: Mělký dech",
    "Estragon": None,
    "Galgán": "viz: Zázvor",
}
LATIN = [None, "Illicium verum sp.", "Apium", "Origanum", "Artemisia", "Alpinia galanga"]
VIBRATIONS = ["Není údaj", 61, "-", "není údaj", "", 80]
ROWS = [
    (number, oil, f"oil {number}" if number != 2 else "", latin, vibration, BODY[oil], MIND[oil])
    for number, (oil, latin, vibration) in enumerate(zip(BODY, LATIN, VIBRATIONS, strict=True), 1)
]
Make = Callable[..., tuple[pl.DataFrame, pd.DataFrame, int]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make pairs of rows by the configuration that ships."""

    def make_rows(*rows: tuple, **table: object) -> tuple[pl.DataFrame, pd.DataFrame, int]:
        workbook = Workbook()
        for row in (HEADER, *rows):
            workbook.active.append(row)
        workbook.save(tmp_path / "oils.xlsx")
        loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env="laptop", **CONFIG_LOADER_ARGS)
        block = loader["parameters"]["essential_oils"]["data"]
        data = Data.model_validate(block | {"table": block["table"] | table})
        kept, rejected, told = clean(RawSheetDataset(filepath=str(tmp_path / "oils.xlsx")), data)
        rows = kept.with_columns(pl.col("line").cast(pl.String))
        pairs, report = make_pairs(rows.lazy(), told, data)
        return pairs, report, rejected.height

    return make_rows


def test_no_row_is_lost_no_sentence_broken_and_nothing_asked_twice(make: Make):
    pairs, report, rejected = make(*ROWS)
    assert rejected == 0
    assert set(pairs["source"].str.split("; ").explode()) == {str(n) for n in range(2, 8)}
    assert report["typos"].sum() == 0
    assert pairs["question"].n_unique() == pairs.height
    assert not pairs["answer"].str.contains("(?i)není údaj|apod|sp[.][.]").any()


def test_items_are_whole_and_forms_of_one_are_one(make: Make):
    pairs, _, _ = make(*ROWS)
    stated = pairs.filter(pl.col("kind") != "denied_effect")["facts"]
    facts = {tuple(one) for text in stated for one in json.loads(text)}
    items = {item for _, item in facts}
    assert {
        "na nadýmání (plynatost, tlak)",
        "Ulevuje od křečí, které přicházejí po jídle",
        "poměr 1:2 s olejem",
        "těžké nohy, když je horko",
        "Pomáhá usnout, když to nejde",
        "„studená, vlhká“ rýma",
        "viz: Zázvor",
    } <= items
    assert pairs["question"].str.contains("„‚studená, vlhká‘ rýma“", literal=True).any()
    coughing = {oil for oil, item in facts if item == "Kašel"}
    assert coughing == {"Badyán", "Dobromysl (oregano)", "Galgán"}
    listed = pairs.filter(pl.col("question").str.ends_with("tabulka uvádí „Kašel“?"))["answer"]
    assert listed.len() == 1
    assert "mimo jiné" in listed[0] or all(oil in listed[0] for oil in coughing)
    denied = [json.loads(text)[0] for text in pairs.filter(kind="denied_effect")["facts"]]
    assert denied
    assert not [oil for oil, item in denied if item == "Kašel" and oil in coughing]


def test_templates_that_do_not_fit_are_named_with_a_sentence(
    make: Make, caplog: pytest.LogCaptureFixture
):
    kind = {
        "name": "use",
        "about": "item",
        "of": ["body"],
        "questions": ["Používá se {subject} na {item}?"],
        "answer": "Ano, používá se na {item}.",
    }
    with caplog.at_level(logging.WARNING):
        _, report, _ = make(*ROWS, kinds=[kind])
    assert report["typos"].item() >= 3
    assert "a doubled word: `Používá se Anýz na na nadýmání (plynatost, tlak)?`" in caplog.text
    assert "data.table.kinds = use" in caplog.text


def test_one_category_in_two_columns_is_one_question(make: Make):
    pairs, _, _ = make(*ROWS)
    rows = pairs.filter(kind="per_category", source="5")
    both = rows.filter(pl.col("question").str.contains("„dýchání“"))["answer"]
    assert both.len() == 1
    assert "Mělký dech" in both[0] or "mimo jiné" in both[0]


def test_two_spellings_of_one_subject_are_refused(make: Make):
    with pytest.raises(TunelineError, match="several rows are about `Anýz`"):
        make(*ROWS, (9, "ANÝZ", *ROWS[0][2:]))

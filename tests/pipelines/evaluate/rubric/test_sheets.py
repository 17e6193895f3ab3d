"""The sheet that people fill in: exported, filled in, read back."""

from functools import partial
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.evaluate.rubric.filling import fill
from tuneline.datasets import OptionalPartitionsDataset, RatingSheetDataset
from tuneline.parameters import Criterion, Evaluation, Rubric
from tuneline.pipelines.evaluate.rating_nodes import (
    make_rating_sheet,
    read_ratings,
    summarise_rubric,
)

RUBRIC = Rubric(
    criteria=[
        Criterion(name="completeness", description="Is everything there?"),
        Criterion(name="readability", description="Does it read well?"),
    ],
    people=True,
)
EVALUATION = Evaluation(title="Pots", generation={}, rubric=RUBRIC, resamples=500)
ANSWERS = [
    make_row(number, f"base {number}", f"=tuned({number})\x07", f"Reference {number}")
    for number in range(12)
]


def write_sheet(path: Path) -> tuple[Path, dict]:
    """Export the sheet as the catalog does; answer with the file and the key."""
    sheets, keys = make_rating_sheet(ANSWERS, EVALUATION)
    (name,) = sheets
    RatingSheetDataset(filepath=str(path)).save(sheets[name])
    return path, keys[name]


def read_back(folder: Path) -> tuple[dict, list[dict]]:
    dataset = OptionalPartitionsDataset(
        path=str(folder), filename_suffix=".xlsx", dataset={"type": RatingSheetDataset}
    )
    ratings, accounts = read_ratings(dataset.load(), ANSWERS, EVALUATION)
    return summarise_rubric([], ratings, accounts, EVALUATION)["people"], accounts


def test_the_sheet_does_not_say_whose_answer_is_whose(tmp_path: Path):
    path, key = write_sheet(tmp_path / "sheet.xlsx")
    sheet = pd.read_excel(path)
    assert not {"base", "tuned"} & set(" ".join(sheet.columns).split())
    assert {side["A"] for side in key.values()} == {"base", "tuned"}
    assert len(sheet) == 12


def test_an_answer_that_looks_like_a_formula_stays_a_text(tmp_path: Path):
    path, _ = write_sheet(tmp_path / "sheet.xlsx")
    cells = [cell for row in openpyxl.load_workbook(path).active for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert any(str(cell.value).startswith("=tuned(3)") for cell in cells)


def test_what_two_raters_filled_in_comes_back_unblinded(tmp_path: Path):
    for rater, shift in (("ann", 0), ("bob", 1)):
        path, key = write_sheet(tmp_path / f"{rater}.xlsx")
        fill(path, key, shift)
    people, _ = read_back(tmp_path)
    found = people["criteria"]["completeness"]
    assert (found["base"], found["tuned"]) == (4.5, 7.5)
    assert found["change"] == pytest.approx(100 * 3 / 4.5)
    assert found["shown"] == "better"
    assert people["raters"] == 2
    # By hand: 12 each of 8, 7, 5 and 4, and 1 apart wherever both rated the same answer.
    expected = 2 * 12**2 * (1 + 9 + 16 + 4 + 9 + 1) / (48 * 47)
    assert found["agreement"] == pytest.approx(1 - 1 / expected)


def test_one_rater_alone_has_no_agreement(tmp_path: Path):
    fill(*write_sheet(tmp_path / "ann.xlsx"))
    people, _ = read_back(tmp_path)
    assert people["criteria"]["readability"]["agreement"] is None


def test_a_half_filled_sheet_counts_as_far_as_it_goes(tmp_path: Path):
    path, key = write_sheet(tmp_path / "ann.xlsx")
    fill(path, key, rows=7)
    book = openpyxl.load_workbook(path)
    header = [cell.value for cell in book.active[1]]
    book.active.cell(2, header.index("A: completeness") + 1, "very good")
    book.active.cell(3, header.index("B: completeness") + 1, 11)
    book.save(path)
    people, (account,) = read_back(tmp_path)
    assert account == {"rater": "ann", "rated": 26, "blank": 20, "invalid": 2, "note": ""}
    assert people["criteria"]["completeness"]["rows"] == 5
    assert people["criteria"]["readability"]["rows"] == 7


def test_an_empty_sheet_rates_nothing(tmp_path: Path):
    write_sheet(tmp_path / "ann.xlsx")
    people, _ = read_back(tmp_path)
    assert people["criteria"] == {}
    assert people["raters"] == 0


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda path: path.write_text("no sheet"), "it is no XLSX file"),
        (
            lambda path: pd.read_excel(path).drop(columns="B: readability").to_excel(path),
            "the column `B: readability` is missing",
        ),
        (
            lambda path: pd.read_excel(path).assign(sheet="0000").to_excel(path),
            "it belongs to other answers or other criteria",
        ),
    ],
)
def test_a_sheet_that_cannot_be_used_is_named_and_the_others_count(
    tmp_path: Path, spoil, note: str
):
    fill(*write_sheet(tmp_path / "ann.xlsx"))
    spoiled, _ = write_sheet(tmp_path / "bob.xlsx")
    spoil(spoiled)
    people, accounts = read_back(tmp_path)
    assert [account["note"] for account in accounts] == ["", note]
    assert people["raters"] == 1


def test_nothing_is_exported_or_read_without_a_rubric(tmp_path: Path):
    plain = EVALUATION.model_copy(update={"rubric": None})
    assert make_rating_sheet(ANSWERS, plain) == ({}, {})
    ratings, accounts = read_ratings({"x": partial(pd.DataFrame)}, ANSWERS, plain)
    assert ratings.empty
    assert accounts == []
    assert summarise_rubric([], ratings, [], plain) == {}

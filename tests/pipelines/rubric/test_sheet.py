"""The sheet that people fill in: exported, filled in, read back."""

import random
from functools import partial
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml

from tests.conftest import PROJECT
from tests.pipelines.evaluate.rows import make_row
from tests.pipelines.rubric.filling import fill
from tuneline.datasets import CSVDataset, OptionalPartitionsDataset, RatingSheetDataset
from tuneline.parameters import Criterion, Evaluation, Rubric
from tuneline.pipelines.rubric.nodes import make_rating_sheet, read_ratings, summarize_rubric
from tuneline.utils.hashing import hash_value

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
    return summarize_rubric([], ratings, accounts, ANSWERS, EVALUATION)["people"], accounts


def test_the_sheet_does_not_say_whose_answer_is_whose(tmp_path: Path):
    path, key = write_sheet(tmp_path / "sheet.xlsx")
    sheet = pd.read_excel(path)
    assert not {"base", "tuned"} & set(" ".join(sheet.columns).split())
    assert {side["A"] for side in key.values()} == {"base", "tuned"}
    assert len(sheet) == 12


def test_the_sides_do_not_follow_from_what_raters_see():
    sheets, keys = make_rating_sheet(ANSWERS, EVALUATION)
    (name,), (key,) = sheets, keys.values()
    drawn = random.Random(hash_value([EVALUATION.seed, name]))
    guessed = [drawn.choice(("base", "tuned")) for _ in ANSWERS]
    assert [sides["A"] for sides in key.values()] != guessed


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
    assert found["result"] == "better"
    assert people["raters"] == 2


def rate(rater: str, differences: list[float], hard: int = 3) -> list[dict]:
    """Rate both answers to a few prompts, some of them much lower than the others."""
    return [
        {
            "rater": rater,
            "number": number,
            "id": "7",
            "criterion": "readability",
            "base": 8 - 6 * (number < hard),
            "tuned": 8 - 6 * (number < hard) + difference,
        }
        for number, difference in enumerate(differences, start=1)
    ]


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [
        ([1, -1, 1, -1, 1, -1], [1, -1, 1, -1, 1, -1], 1),
        # By hand: 6 pairs, 2 apart each; 12 values, half of them 1 and half -1.
        ([1, -1, 1, -1, 1, -1], [-1, 1, -1, 1, -1, 1], 1 - 4 / (2 * 36 * 4 / (12 * 11))),
        ([1, -1, 1, -1, 1, -1], [1, -1, 1, -1, 1, 1], 1 - (4 / 6) / (2 * 7 * 5 * 4 / (12 * 11))),
        ([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], None),
    ],
)
def test_agreement_is_on_which_answer_is_better_by_how_much(one, other, agreement):
    ratings = pd.DataFrame([*rate("ann", one), *rate("bob", other)])
    found = summarize_rubric([], ratings, [], ANSWERS, EVALUATION)["people"]["criteria"][
        "readability"
    ]
    assert found["agreement"] == (None if agreement is None else pytest.approx(agreement))
    assert found["rows"] == 6


def test_ratings_of_prompts_that_depend_on_each_other_count_as_one():
    ratings = pd.DataFrame(rate("ann", [3, 2, 3] * 4))
    for chapters, shown in [(12, "better"), (3, "no significant difference")]:
        answers = [
            row | {"groups": {"chapter": str(number % chapters)}}
            for number, row in enumerate(ANSWERS)
        ]
        found = summarize_rubric([], ratings, [], answers, EVALUATION)["people"]["criteria"]
        assert found["readability"]["groups"] == chapters
        assert found["readability"]["result"] == shown


def test_rows_that_share_an_id_come_back_as_they_were_rated(tmp_path: Path):
    same = [row | {"id": "7"} for row in ANSWERS]
    sheets, keys = make_rating_sheet(same, EVALUATION)
    (name,) = sheets
    for rater in ("ann", "bob"):
        RatingSheetDataset(filepath=str(tmp_path / f"{rater}.xlsx")).save(sheets[name])
        fill(tmp_path / f"{rater}.xlsx", keys[name])
    dataset = OptionalPartitionsDataset(
        path=str(tmp_path), filename_suffix=".xlsx", dataset={"type": RatingSheetDataset}
    )
    ratings, accounts = read_ratings(dataset.load(), same, EVALUATION)
    found = summarize_rubric([], ratings, accounts, ANSWERS, EVALUATION)["people"]["criteria"]
    assert found["completeness"]["rows"] == 12
    assert (found["completeness"]["base"], found["completeness"]["tuned"]) == (5, 8)


@pytest.mark.parametrize("name", ["1", "NA", "null", "4.50", "True", "=1+1", "-clear", "'=a"])
def test_a_criterion_may_be_called_anything(tmp_path: Path, name: str):
    catalog = yaml.safe_load((PROJECT / "conf/base/catalog_rubric.yml").read_text("utf-8"))
    stated = catalog["{use_case}.ratings"]
    dataset = CSVDataset(filepath=str(tmp_path / "ratings.csv"), load_args=stated["load_args"])
    rows = [row | {"criterion": name, "id": "NA"} for row in rate("7", [1, 2, 3])]
    dataset.save(pd.DataFrame(rows))
    rubric = Rubric(criteria=[Criterion(name=name, description="?")], people=True)
    evaluation = EVALUATION.model_copy(update={"rubric": rubric})
    found = summarize_rubric([], dataset.load(), [], ANSWERS, evaluation)["people"]
    assert found["criteria"][name]["rows"] == 3
    assert found["raters"] == 1


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
    counts = {"rated": 26, "blank": 20, "invalid": 2, "chosen": 0, "corrected": 0}
    assert account == {"rater": "ann", **counts, "note": ""}
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
    assert summarize_rubric([], ratings, [], ANSWERS, plain) == {}

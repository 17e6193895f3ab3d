import csv
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import polars as pl
import pytest
from kedro.io import DatasetError

from tuneline.datasets import LazyCSVDataset, RatingSheetDataset
from tuneline.utils.files import replace_whole

TEXTS = ["NA", "None", "null", "", "a, b", 'say "hi"', "two\nlines", "three\r\nlines", "čaj 茶 ☕"]


@pytest.fixture
def dataset(tmp_path: Path) -> LazyCSVDataset:
    return LazyCSVDataset(filepath=str(tmp_path / "clean.csv"))


@pytest.mark.slow
def test_every_text_survives_the_round_trip(dataset: LazyCSVDataset):
    dataset.save(pl.DataFrame({"text": TEXTS}))
    assert dataset.load().collect()["text"].to_list() == TEXTS


@pytest.mark.slow
def test_python_and_pandas_read_the_same_file(dataset: LazyCSVDataset, tmp_path: Path):
    dataset.save(pl.DataFrame({"line": range(len(TEXTS)), "text": TEXTS}))
    path = tmp_path / "clean.csv"
    with path.open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == TEXTS
    read = pd.read_csv(path, keep_default_na=False, lineterminator="\n")
    assert read["text"].tolist() == TEXTS


def test_a_file_that_a_node_has_written_takes_the_place_of_the_old_one(
    dataset: LazyCSVDataset, tmp_path: Path
):
    dataset.save(pl.DataFrame({"text": ["old"]}))
    with replace_whole(tmp_path / "work/clean.csv") as file:
        file.write(b"text\nnew\n")
    dataset.save(tmp_path / "work/clean.csv")
    assert dataset.load().collect()["text"].to_list() == ["new"]
    assert not (tmp_path / "work/clean.csv").exists()


FILL_THE_DISK = """
import resource, sys
import polars as pl
from tuneline.datasets import LazyCSVDataset
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
table = pl.DataFrame({"text": ["x" * 1000] * 1000})
try:
    LazyCSVDataset(filepath=sys.argv[1]).save(table)
except Exception as error:
    sys.exit(str(error))
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file(dataset: LazyCSVDataset, tmp_path: Path):
    """A limit on the size of files stops the writing as a full disk does."""
    dataset.save(pl.DataFrame({"text": ["old"]}))
    command = [sys.executable, "-c", FILL_THE_DISK, str(tmp_path / "clean.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "clean.csv: the disk takes no more" in done.stderr
    assert dataset.load().collect()["text"].to_list() == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["clean.csv"]


@pytest.mark.slow
def test_the_preview_shortens_long_texts(dataset: LazyCSVDataset):
    dataset.save(pl.DataFrame({"text": ["x" * 1000, "short"]}))
    preview = dataset.preview(rows=1)
    assert preview["columns"] == ["text"]
    assert len(preview["data"]) == 1
    assert len(preview["data"][0][0]) < 200


SHEET = pd.DataFrame(
    {
        "sheet": ["ab12"] * 2,
        "number": [1, 2],
        "answer A": ["=1+1", "line\nbreak \x07 bell\ufffe"],
        "answer B": ["x" * 40_000, None],
        "A: accuracy": [None, None],
    }
)


def test_a_sheet_comes_back_as_it_was_but_for_what_xlsx_cannot_hold(tmp_path: Path):
    dataset = RatingSheetDataset(filepath=str(tmp_path / "sheet.xlsx"))
    dataset.save(SHEET)
    found = dataset.load()
    assert found["answer A"].tolist() == ["=1+1", "line\nbreak � bell�"]
    assert len(found["answer B"][0]) == 32_767
    assert found["answer B"][0].endswith(" […: longer than a cell]")
    assert found["A: accuracy"].isna().all()


def test_a_text_is_no_formula_and_a_rating_must_be_from_0_to_10(tmp_path: Path):
    path = tmp_path / "sheet.xlsx"
    RatingSheetDataset(filepath=str(path)).save(SHEET)
    sheet = openpyxl.load_workbook(path).active
    assert sheet["C2"].data_type == "s"
    (rule,) = sheet.data_validations.dataValidation
    assert (rule.formula1, rule.formula2, str(rule.sqref)) == ("0", "10", "E2:E3")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "\r="])
def test_no_text_of_any_sheet_is_a_formula(sign: str, tmp_path: Path):
    path, text = tmp_path / "sheet.xlsx", f"{sign}HYPERLINK(A1)"
    sheet = pd.DataFrame(
        {column: [text, "#N/A"] for column in ("sheet", text, f"A: {text}", f"{text}: B")}
    )
    sheet.attrs["criteria"] = {text: text, "#REF!": text}
    RatingSheetDataset(filepath=str(path)).save(sheet)
    book = openpyxl.load_workbook(path)
    cells = [cell for one in book for row in one.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert all(cell.quotePrefix for cell in cells if cell.value.startswith(sign))
    assert sum(cell.value.endswith("HYPERLINK(A1)") for cell in cells) >= 8
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            assert b"<f>" not in package.read(name), name
            assert b"<f " not in package.read(name), name


def test_what_the_criteria_mean_is_in_a_second_sheet(tmp_path: Path):
    path = tmp_path / "sheet.xlsx"
    sheet = SHEET.copy()
    sheet.attrs["criteria"] = {"accuracy": "Are the figures right?"}
    RatingSheetDataset(filepath=str(path)).save(sheet)
    assert pd.read_excel(path, sheet_name="criteria").iloc[0].tolist() == [
        "accuracy",
        "Are the figures right?",
    ]


def test_a_file_that_is_no_xlsx_is_named(tmp_path: Path):
    path = tmp_path / "sheet.xlsx"
    path.write_text("a,b\n")
    with pytest.raises(DatasetError, match=r"sheet\.xlsx is no XLSX file"):
        RatingSheetDataset(filepath=str(path)).load()

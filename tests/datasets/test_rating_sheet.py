import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from kedro.io import DatasetError

from tuneline.datasets import RatingSheetDataset

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

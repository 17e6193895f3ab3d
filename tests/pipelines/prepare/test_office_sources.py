"""Workbooks and documents on their way through the cleaning rules: nothing of them is lost."""

from pathlib import Path
from typing import Any

import polars as pl
from docx import Document
from openpyxl import Workbook

from tests.pipelines.prepare import cleaning
from tuneline.datasets import RawDocumentsDataset, RawSheetDataset
from tuneline.parameters import Data


def clean(source: Any, *columns: str) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    data = Data(id="line", columns=list(columns), split={"test": 1, "validation": 1})
    return cleaning.clean(source, data)


def test_what_is_not_read_of_a_folder_is_rejected_or_noted(tmp_path: Path):
    document = Document()
    document.add_paragraph("An offer of seven words for the mill.")
    document.sections[0].footer.paragraphs[0].text = "page"
    document.save(str(tmp_path / "a.docx"))
    (tmp_path / "b.txt").write_bytes("Žluťoučký kůň úpěl ďábelské ódy.".encode("cp1250"))
    (tmp_path / "c.odt").write_bytes(b"x")
    kept, rejected, report = clean(RawDocumentsDataset(filepath=str(tmp_path)), "text")
    assert kept["text"].to_list() == ["An offer of seven words for the mill."]
    assert report["rows"] == kept.height + rejected.height == 3
    assert report["reasons"] == {"another encoding": 1, "not read": 1}
    assert [Path(one).name for one in rejected["original"]] == ["b.txt", "c.odt"]
    assert [Path(note.split(": ")[0]).name for note in report["notes"]] == [
        "a.docx",
        "b.txt",
        "c.odt",
    ]


def test_what_is_not_read_of_a_sheet_is_rejected_or_noted(tmp_path: Path):
    book = Workbook()
    sheet = book.active
    for row in (["question", "answer"], ["one?", 0.5], ["two?", "=1+1"], ["three?", "yes"]):
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    book.create_sheet("More")
    book.save(tmp_path / "table.xlsx")
    source = RawSheetDataset(filepath=str(tmp_path / "table.xlsx"))
    kept, rejected, report = clean(source, "question", "answer")
    assert kept["answer"].to_list() == ["0.5"]
    assert report["rows"] == kept.height + rejected.height == 3
    assert report["reasons"] == {"formula without a stored value": 1, "hidden row": 1}
    assert len(report["notes"]) == 3  # the other sheet, the hidden row, the decimal sign

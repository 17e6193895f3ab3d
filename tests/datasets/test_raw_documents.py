from pathlib import Path

import fsspec
import polars as pl
import pytest
from docx import Document

from tuneline.datasets import RawDocumentsDataset
from tuneline.datasets.office import COMPOUND, ENCRYPTED
from tuneline.errors import TunelineError
from tuneline.rows import Fields

FIELDS = Fields("id", ("text",))


def read(folder: str, fields: Fields = FIELDS) -> pl.DataFrame:
    return pl.concat(RawDocumentsDataset(filepath=folder).load().map(fields, lambda t: t))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    document = Document()
    document.add_heading("Scopul documentului")
    document.add_paragraph("Înainte de tabel.")
    table = document.add_table(2, 2)
    for cell, text in zip((c for row in table.rows for c in row.cells), "abcd", strict=True):
        cell.text = text
    document.add_paragraph("După tabel.")
    document.save(str(tmp_path / "02 offer.docx"))
    (tmp_path / "01 request.txt").write_text("Cerințe, NA\n", encoding="utf-8")
    (tmp_path / "03 notes.md").write_text("# Note\n", encoding="utf-8")
    (tmp_path / "~$ offer.docx").write_bytes(b"Word's own")
    (tmp_path / "picture.png").write_bytes(b"no text")
    return tmp_path


def test_each_document_is_a_row_in_the_order_of_names(folder: Path):
    table = read(str(folder))
    assert table["id"].to_list() == ["01 request", "02 offer", "03 notes"]
    assert table["line"].to_list() == [1, 2, 3]
    assert table["text"].to_list() == [
        "Cerințe, NA\n",
        "Scopul documentului\nÎnainte de tabel.\na | b\nc | d\nDupă tabel.",
        "# Note\n",
    ]


def test_documents_that_cannot_be_read_are_named_one_by_one(folder: Path):
    (folder / "04.docx").write_bytes(COMPOUND + bytes(600) + ENCRYPTED)
    (folder / "05.docx").write_bytes(COMPOUND + bytes(600))
    (folder / "06.docx").write_bytes((folder / "02 offer.docx").read_bytes()[:900])
    (folder / "07.txt").write_bytes("cerințe".encode("utf-16"))
    table = read(str(folder)).tail(4)
    assert [problem.split(":")[0] for problem in table["problem"]] == [
        "protected by a password",
        "an old Word document under a new name",
        "damaged",
        "not UTF-8",
    ]
    assert Path(table["original"][0].decode()).name == "04.docx"


def test_a_folder_without_documents_is_refused(tmp_path: Path):
    with pytest.raises(TunelineError, match="holds no document"):
        read(str(tmp_path))


def test_other_columns_than_those_of_a_document_are_refused(folder: Path):
    with pytest.raises(TunelineError, match="no row has the field `content`"):
        read(str(folder), Fields("id", ("content",)))


def test_a_folder_lies_at_any_address():
    files = fsspec.filesystem("memory")
    files.pipe("/docs/one.txt", b"hello")
    assert read("memory://docs")["text"].to_list() == ["hello"]

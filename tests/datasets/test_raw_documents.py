import logging
from pathlib import Path

import fsspec
import polars as pl
import pytest
from docx import Document

from tuneline.datasets import RawDocumentsDataset
from tuneline.datasets.office.package import COMPOUND, ENCRYPTED
from tuneline.errors import TunelineError
from tuneline.streaming import Fields

FIELDS = Fields("id", ("text",))


def read(folder: str, fields: Fields = FIELDS, **options: str) -> pl.DataFrame:
    source = RawDocumentsDataset(filepath=folder, **options).load()
    return pl.concat(source.map(fields, lambda batch: batch))


def problems(table: pl.DataFrame) -> dict[str, str]:
    """Give why documents could not be read, by their names."""
    rows = table.filter(pl.col("problem").is_not_null())
    names = [Path(original.decode()).name for original in rows["original"]]
    return dict(zip(names, rows["problem"], strict=True))


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
    (folder / "07.docx").write_text("just text")
    (folder / "08.docx").write_text(r"{\rtf1 hi}")
    (folder / "09.docx").write_bytes(b"")
    (folder / "10.txt").write_text(" \n")
    Document().save(str(folder / "11.docx"))
    table = read(str(folder))
    assert table["line"].to_list() == list(range(1, 12))
    assert {name: problem.split(":")[0] for name, problem in problems(table).items()} == {
        "04.docx": "protected by a password",
        "05.docx": "an old Word document under a new name",
        "06.docx": "damaged",
        "07.docx": "no DOCX document",
        "08.docx": "an RTF document under another name",
        "09.docx": "empty document",
        "10.txt": "empty document",
        "11.docx": "empty document",
    }


def test_what_a_folder_holds_besides_documents_is_named(folder: Path, caplog):
    for name in ("00.doc", "a.pdf", "b.RTF", "c.odt", "picture.png", "e.txt.gz", "LICENSE"):
        (folder / name).write_bytes(b"x")
    (folder / "more").mkdir()
    (folder / "more/inner.txt").write_text("inner")
    for name in (".hidden", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"x")
    with caplog.at_level(logging.WARNING):
        table = read(str(folder))
    assert problems(table) == {
        "00.doc": "not read: .doc; save it as DOCX",
        "LICENSE": "not read: a file without an ending; only .docx, .pdf, .txt, .md are read",
        "a.pdf": "no PDF: it has the name of one and another content",
        "b.RTF": "not read: .RTF; save it as DOCX",
        "c.odt": "not read: .odt; save it as DOCX",
        "e.txt.gz": "not read: .gz; unpack it",
        "more": "not read: a folder; move its documents into the folder that the catalog names",
        "picture.png": "not read: .png; only .docx, .pdf, .txt, .md are read",
    }
    # The documents keep their places.
    assert table["id"].to_list()[:3] == ["01 request", "02 offer", "03 notes"]
    assert table["line"].to_list() == list(range(1, 12))
    assert all(name in caplog.text for name in problems(table))


CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy\n"


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "idna", "undefined"])
def test_an_encoding_that_makes_no_texts_is_refused(name: str, tmp_path: Path):
    (tmp_path / "a.txt").write_text("Oak")
    with pytest.raises(TunelineError, match=f"encoding = {name}: Python knows no encoding of this"):
        RawDocumentsDataset(filepath=str(tmp_path), encoding=name).load()


def write_encodings(folder: Path) -> None:
    encodings = ("utf-16", "utf-32", "utf-8-sig", "cp1250", "utf-8", "utf-16-le")
    for number, encoding in enumerate(encodings):
        (folder / f"{number}.txt").write_bytes(CZECH.encode(encoding))


def test_each_file_has_the_encoding_that_it_shows(tmp_path: Path):
    write_encodings(tmp_path)
    table = read(str(tmp_path))
    assert table["text"].to_list() == [CZECH, CZECH, CZECH, None, CZECH, None]
    (eight_bit, wide) = problems(table).values()
    assert eight_bit.startswith("another encoding: byte 0xf8 at 1 is not UTF-8; probably cp1250: ")
    assert eight_bit.endswith("state `encoding: cp1250` in the catalog, or save it as UTF-8")
    assert wide.startswith("another encoding: byte 0x00 at 1 is not UTF-8")


@pytest.mark.parametrize(("encoding", "read_too"), [("cp1250", 3), ("utf-16-le", 5)])
def test_the_encoding_of_the_others_can_be_stated(tmp_path: Path, encoding: str, read_too: int):
    write_encodings(tmp_path)
    (tmp_path / ("5.txt" if read_too == 3 else "3.txt")).unlink()
    assert read(str(tmp_path), encoding=encoding)["text"].to_list() == [CZECH] * 5


def test_an_encoding_that_does_not_fit_is_said(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(b"a\x81b")
    assert (
        "byte 0x81 at 1 is not cp1250" in problems(read(str(tmp_path), encoding="cp1250"))["a.txt"]
    )
    with pytest.raises(TunelineError, match=r"= cp125: Python knows no encoding of this name; .*"):
        read(str(tmp_path), encoding="cp125")


def test_a_folder_without_documents_is_refused_and_what_it_holds_is_named(tmp_path: Path):
    with pytest.raises(TunelineError, match=r"holds no document \(.docx, .pdf, .txt, .md\); "):
        read(str(tmp_path))
    (tmp_path / "a.doc").write_bytes(b"x")
    (tmp_path / "b.rtf").write_bytes(b"x")
    with pytest.raises(TunelineError, match=r"holds no document \(.*\) but .doc, .rtf; "):
        read(str(tmp_path))


def test_other_columns_than_those_of_a_document_are_refused(folder: Path):
    with pytest.raises(TunelineError, match="no row has the field `content`"):
        read(str(folder), Fields("id", ("content",)))


def test_a_folder_lies_at_any_address():
    files = fsspec.filesystem("memory")
    files.pipe("/docs/one.txt", b"hello")
    files.pipe("/docs/sub/two.txt", b"hello")
    table = read("memory://docs")
    assert table["text"].to_list() == ["hello", None]
    assert list(problems(table)) == ["sub"]


def test_what_is_missing_of_a_document_that_is_kept_is_noted(folder: Path):
    document = Document(str(folder / "02 offer.docx"))
    document.sections[0].header.paragraphs[0].text = "Firma"
    document.save(str(folder / "02 offer.docx"))
    source = RawDocumentsDataset(filepath=str(folder)).load()
    table = pl.concat(source.map(FIELDS, lambda batch: batch))
    assert table["problem"].null_count() == 3
    assert source.notes == [f"{folder}/02 offer.docx: not read of it: 1 header"]

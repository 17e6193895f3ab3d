"""Office files that are small on the disk and huge when they are read."""

import gzip
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from docx import Document
from openpyxl import Workbook

from tests.datasets.confined import read_confined
from tests.datasets.office.reading import change
from tuneline.datasets import QuestionsDataset, RatingSheetDataset, RawDocumentsDataset
from tuneline.errors import TunelineError
from tuneline.streaming import Fields
from tuneline.utils.limits import Limits

pytestmark = pytest.mark.slow

SHEET = "xl/worksheets/sheet1.xml"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
LIMITS = {"document_gb": 0.05}
LAUGHS = "<!DOCTYPE x [" + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10)
)


def replace_part(path: Path, part: str, content: Iterable[bytes]) -> Path:
    """Write a part of an archive anew, piece by piece."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist() if name != part}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for name, kept in parts.items():
            new.writestr(name, kept)
        with new.open(part, "w", force_zip64=True) as file:
            for piece in content:
                file.write(piece)
    return path


def write_docx(path: Path) -> Path:
    document = Document()
    document.add_paragraph("Good text.")
    document.save(str(path))
    return path


def write_book(path: Path, *rows: list) -> Path:
    book = Workbook()
    book.active.append(["question", "answer"])
    for row in rows or [["a", "b"]]:
        book.active.append(row)
    book.save(path)
    return path


def describe_sheet(rows: Iterable[bytes]) -> Iterable[bytes]:
    name = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    yield b'<worksheet xmlns="' + name + b'"><sheetData>'
    yield from rows
    yield b"</sheetData></worksheet>"


def read_error(path: Path) -> str:
    limits = {"document_gb": 0.2}
    return read_confined("RawSheetDataset", path, "line", "question", limits=limits)["error"]


def test_a_docx_that_unpacks_to_gigabytes_is_rejected_among_good_ones(tmp_path: Path):
    body = b"<w:p><w:r><w:t>x</w:t></w:r></w:p>" * 30_000
    bomb = write_docx(tmp_path / "b.docx")
    start = f'<w:document xmlns:w="{WORD}"><w:body>'.encode()
    replace_part(bomb, "word/document.xml", [start, *[body] * 1600, b"</w:body></w:document>"])
    write_docx(tmp_path / "a.docx")
    write_docx(tmp_path / "c.docx")
    assert bomb.stat().st_size < 6_000_000
    rows = read_confined("RawDocumentsDataset", tmp_path, "id", "text")["rows"]
    assert [why for _, _, why in rows] == [
        None,
        Limits().format_memory("word/document.xml"),
        None,
    ]


@pytest.mark.parametrize("kind", [".docx", ".txt"])
def test_a_file_that_is_too_large_to_begin_with_is_rejected(tmp_path: Path, kind: str):
    path = tmp_path / f"a{kind}"
    path.write_bytes(b"a" * 3000)
    limits = {"row_mb": 0.002, "document_gb": 0.000002}
    source = RawDocumentsDataset(filepath=str(tmp_path), limits=limits).load()
    (batch,) = source.map(Fields("id", ("text",)), lambda one: one)
    assert batch["problem"][0].split(":")[0] in ("too large", "longer than a row may be")


def test_a_document_whose_text_is_too_long_is_rejected(tmp_path: Path):
    write_docx(tmp_path / "a.docx")
    source = RawDocumentsDataset(filepath=str(tmp_path), limits={"row_mb": 0.000005}).load()
    (batch,) = source.map(Fields("id", ("text",)), lambda one: one)
    assert batch["problem"][0].startswith("longer than a row may be: more than 5e-06 MB")


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE x [<!ENTITY e "inside">]>',
        LAUGHS + "]>",
    ],
)
def test_a_docx_with_a_document_type_is_rejected_and_not_cut(tmp_path: Path, doctype: str):
    path = write_docx(tmp_path / "a.docx")
    change(path, "word/document.xml", ("<w:document", doctype + "<w:document"))
    if "SYSTEM" not in doctype.partition("[")[0]:
        entity = "&l9;" if "l9" in doctype else "&e;"
        change(path, "word/document.xml", ("Good text.", f"Good {entity} text."))
    source = RawDocumentsDataset(filepath=str(tmp_path)).load()
    (batch,) = source.map(Fields("id", ("text",)), lambda one: one)
    assert batch["problem"][0].startswith("not safe: word/document.xml has a document type")
    assert len(source.notes) == 1


@pytest.mark.parametrize(
    ("row", "times"),
    [
        (b'<row r="1048000"/>' + b"<row/>" * 50_000, 40),
        (b"<row>" + b'<c t="str"><v>a</v></c>' * 16_000 + b"</row>", 400),
        (b'<x a="" b=""/>' * 30_000, 400),
        (b"<row><c><v>1</v></c></row>" * 2_500 + b'<row><c r="XFD1"><v>1</v></c></row>', 40),
    ],
)
def test_a_sheet_that_would_fill_the_memory_is_refused(tmp_path: Path, row: bytes, times: int):
    path = write_book(tmp_path / "table.xlsx")
    replace_part(path, SHEET, describe_sheet([row] * times))
    error = read_error(path)
    assert "the workbook is too large" in error or "row 1,048,577" in error


def test_a_large_sheet_is_read_row_by_row(tmp_path: Path):
    path = write_book(tmp_path / "table.xlsx")
    cells = b'<row><c t="str"><v>question</v></c></row>'
    replace_part(path, SHEET, describe_sheet([cells, *[cells * 1000] * 20]))
    limits = {"document_gb": 0.012}
    rows = read_confined("RawSheetDataset", path, "line", "question", limits=limits)["rows"]
    assert len(rows) == 20_000


@pytest.mark.parametrize(
    "cell",
    [
        '<table:table-cell table:number-columns-repeated="999999999999"><text:p>x</text:p>'
        "</table:table-cell>",
        '<table:table-cell><text:p><text:s text:c="99999999999"/>x</text:p></table:table-cell>',
    ],
)
def test_repeated_cells_and_spaces_are_counted(tmp_path: Path, cell: str):
    names = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<o:d xmlns:o="{names}:office:1.0" xmlns:table="{names}:table:1.0" xmlns:text="{names}:'
        'text:1.0"><o:body><o:spreadsheet><table:table table:name="a"><table:table-row '
        f'table:number-rows-repeated="1000000">{cell}</table:table-row></table:table>'
        "</o:spreadsheet></o:body></o:d>"
    )
    path = tmp_path / "table.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)
    assert "workbook" in read_error(path)


def test_a_number_with_a_billion_digits_is_shown_as_stored(tmp_path: Path):
    path = write_book(tmp_path / "table.xlsx", ["a", 5])
    change(path, SHEET, ("<v>5</v>", "<v>1E999999999</v>"))
    rows = read_confined("RawSheetDataset", path, "line", "question", "answer")["rows"]
    assert "1E999999999" in rows[0][1]


def test_a_workbook_that_was_compressed_once_more_is_counted(tmp_path: Path):
    path = tmp_path / "table.xlsx.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)) * 60)
    assert "the workbook is too large" in read_error(path)


@pytest.mark.parametrize("part", [SHEET, "xl/theme/theme1.xml"])
def test_a_rating_sheet_that_is_a_bomb_is_refused(tmp_path: Path, part: str):
    path = write_book(tmp_path / "sheet.xlsx")
    replace_part(path, part, [b"<x>", *[b"<y/>" * 10_000] * 100, b"</x>"])
    with pytest.raises(TunelineError, match="the rating sheet is too large: xl/"):
        RatingSheetDataset(filepath=str(path), limits=LIMITS).load()


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "docProps/core.xml"])
def test_a_rating_sheet_with_a_document_type_is_refused(tmp_path: Path, part: str):
    path = write_book(tmp_path / "sheet.xlsx")
    replace_part(path, part, [(LAUGHS + "]><x>&l9;</x>").encode("utf-16")])
    with pytest.raises(TunelineError, match=f"the rating sheet is not safe: {part}"):
        RatingSheetDataset(filepath=str(path)).load()


@pytest.mark.parametrize("name", ["questions.txt", "questions.csv"])
def test_a_file_of_questions_that_would_fill_the_memory_is_refused(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_text("question\n" + "Why is it so?\n" * 200_000, "utf-8")
    with pytest.raises(TunelineError, match="the file of questions is too large"):
        QuestionsDataset(filepath=str(path), limits=LIMITS).load().read()
    assert len(QuestionsDataset(filepath=str(path)).load().read()) >= 200_000

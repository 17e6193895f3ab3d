import datetime
from io import BytesIO
from pathlib import Path

import fsspec
import polars as pl
import pytest
from openpyxl import Workbook

from tuneline.datasets import RawSheetDataset
from tuneline.datasets.office.package import COMPOUND, ENCRYPTED
from tuneline.errors import TunelineError
from tuneline.streaming import Fields

FIELDS = Fields("ID", ("Název EO", "Účinky na psychiku / emoce"))
HEADER = ["ID", "Název EO", "Latinský název", "Účinky na psychiku / emoce"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oils.xlsx"


def write(path: Path, *rows: list, title: str = "Oleje") -> str:
    book = Workbook()
    book.active.title = title
    book.create_sheet("Other")
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row, start=1):
            book.active.cell(number, column, cell)
    book.save(path)
    return str(path)


def read(path: str, fields: Fields = FIELDS, **options: object) -> pl.DataFrame:
    return pl.concat(RawSheetDataset(filepath=path, **options).load().map(fields, lambda t: t))


def test_titles_above_the_header_are_no_rows_and_cells_are_as_shown(path: Path):
    oil = [1, "Levandule", "Lavandula", "OBECNÉ: klid\n\nSPÁNEK: NA"]
    table = read(write(path, ["Esenciální oleje"], [], HEADER, oil, [2, 320, None, None]))
    assert table["line"].to_list() == [4, 5]
    assert table["ID"].to_list() == ["1", "2"]
    assert table["Název EO"].to_list() == ["Levandule", "320"]
    assert table["Účinky na psychiku / emoce"].to_list() == ["OBECNÉ: klid\n\nSPÁNEK: NA", ""]


def test_the_header_and_the_sheet_can_be_named(path: Path):
    where = write(path, HEADER, HEADER, [1, "a", "b", datetime.date(2026, 1, 2)])
    table = read(where, header_row=2, sheet="Oleje")
    assert table["Účinky na psychiku / emoce"].to_list() == ["2026-01-02"]


def test_an_empty_row_between_others_is_rejected_and_those_after_it_are_none(path: Path):
    table = read(write(path, HEADER, [1, "a", "b", "c"], [], [2, "d", "e", "f"], [None, None]))
    assert table["problem"].to_list() == [None, "empty row", None]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sheet": "Olejee"}, "has no sheet `Olejee`; .* did you mean `Oleje`"),
        ({"header_row": 1}, "no row has the field `Název EO`"),
        ({"header_row": 99}, "none of row 99 is a row that can be read"),
    ],
)
def test_a_workbook_without_that_sheet_or_header_names_what_there_is(
    path: Path, options: dict, words: str
):
    where = write(path, ["ID", "Title"], HEADER, [1, "a", "b", "c"])
    with pytest.raises(TunelineError, match=words):
        read(where, **options)


def test_a_header_that_is_nowhere_names_the_nearest_columns(path: Path):
    with pytest.raises(TunelineError, match="did you mean `Název OE`"):
        read(write(path, ["Title"], ["ID", "Název OE", "x"], [1, 2, 3]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 cut off", "no workbook that can be read"),
        (b"", "no workbook that can be read"),
        (COMPOUND + bytes(600) + ENCRYPTED, "protected by a password; .* save it without"),
    ],
)
def test_a_workbook_that_cannot_be_opened_says_why(path: Path, content: bytes, words: str):
    path.write_bytes(content)
    with pytest.raises(TunelineError, match=words):
        read(str(path))


def test_a_workbook_lies_at_any_address(path: Path):
    write(path, HEADER, [1, "a", "b", "c"])
    with fsspec.open("memory://oils.xlsx", "wb") as file:
        file.write(BytesIO(path.read_bytes()).getvalue())
    assert read("memory://oils.xlsx")["Název EO"].to_list() == ["a"]


def test_the_name_of_a_column_may_have_several_lines(path: Path):
    header = ["ID", "Název\nEO", "Latinský název", "Účinky na psychiku\n / emoce"]
    table = read(write(path, header, [1, "a", "b", "c\nd"]))
    assert table["Název EO"].to_list() == ["a"]
    assert table["Účinky na psychiku / emoce"].to_list() == ["c\nd"]


def test_a_column_that_is_there_twice_is_refused_only_if_it_is_wanted(path: Path):
    assert read(write(path, [*HEADER, "x", "x"], [1, "a", "b", "c", "d", "e"])).height == 1
    with pytest.raises(TunelineError, match="`Název EO` is there twice"):
        read(write(path, [*HEADER, "Název EO"], [1, "a", "b", "c", "d"]))

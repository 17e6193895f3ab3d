import datetime
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from tests.datasets.office.reading import answers, change, problems, read
from tuneline.errors import TunelineError

SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.xlsx"


def fill(sheet: Worksheet, *rows: tuple[Any, ...]) -> None:
    """Write a header and rows of a question, an answer and the answer's format."""
    sheet.append(["question", "answer"])
    for question, answer, *number_format in rows:
        sheet.append([question, answer])
        if number_format:
            sheet.cell(sheet.max_row, 2).number_format = number_format[0]


def write(path: Path, *rows: tuple[Any, ...]) -> Path:
    book = Workbook()
    fill(book.active, *rows)
    book.save(path)
    return path


def test_cells_are_read_as_they_are_shown(path: Path):
    write(
        path,
        ("rate", 0.075, "0.0%"),
        ("day", datetime.date(2026, 3, 15), "d.m.yyyy"),
        ("month", datetime.date(2026, 3, 15), "[$-407]mmmm yyyy"),
        ("clock", datetime.time(9, 5), "hh:mm"),
        ("long", datetime.timedelta(days=2, minutes=1)),
        ("postcode", 7012, "00000"),
        ("price", 12.5, '0.00" €/kg"'),
        ("half", 2.5, "# ?/?"),
        ("loss", -12, "0;(0)"),
        ("small", 0.00000045, "0.0E+00"),
        ("yes", True),
        ("code", "12", '"No. "@'),
    )
    assert answers(path) == {
        "rate": "7.5%",
        "day": "15.3.2026",
        "month": "März 2026",
        "clock": "09:05",
        "long": "48:01:00",
        "postcode": "07012",
        "price": "12.50 €/kg",
        "half": "2 1/2",
        "loss": "(12)",
        "small": "4.5E-07",
        "yes": "TRUE",
        "code": "No. 12",
    }


def test_the_calendar_may_begin_in_1904(path: Path):
    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    fill(
        book.active,
        ("day", datetime.date(2026, 3, 15), "dd.mm.yyyy"),
        ("long", datetime.timedelta(hours=30), "d"),
        ("number", 30),
    )
    book.save(path)
    assert answers(path) == {"day": "15.03.2026", "long": "2", "number": "30"}


def test_a_date_may_be_stored_as_one(path: Path):
    write(path, ("day", 1, "dd.mm.yyyy"))
    change(path, SHEET, ('t="n"><v>1</v>', 't="d"><v>2026-03-15</v>'))
    assert answers(path) == {"day": "15.03.2026"}


def test_errors_and_formulas_nobody_computed_are_named(path: Path):
    write(path, ("a", "#N/A"), ("b", "=1/0"), ("c", "=1+1"), ("d", "=A1"), ("#REF!", "said"))
    formulas = ("<f>1/0</f><v></v>", "<f>1+1</f><v></v>", "<f>A1</f><v></v>")
    stored = (' t="e"><f>1/0</f><v>#DIV/0!</v>', "><f>1+1</f><v/>", ' t="str"><f>A1</f><v></v>')
    changes = [(f">{old}", new) for old, new in zip(formulas, stored, strict=True)]
    change(path, SHEET, *changes)
    change(path, SHEET, ('<c r="A6" t="e"><v>#REF!</v>', '<c r="A6" t="str"><v>#REF!</v>'))
    table, _ = read(path)
    assert problems(table) == {
        2: "formula error: #N/A in `answer`",
        3: "formula error: #DIV/0! in `answer`",
        4: "formula without a stored value: `answer`",
    }
    assert [b"#DIV/0!" in table["original"][1], b"=1+1" in table["original"][2]] == [True, True]
    assert table["answer"].to_list()[3:] == ["", "said"]
    assert table["question"].to_list()[3:] == ["d", "#REF!"]  # a text that looks like an error


def test_a_formula_that_waits_to_be_computed_has_no_value(path: Path):
    write(path, ("a", "=1+1"), ("b", "=2+2"), ("c", 0))
    change(
        path, SHEET, ("1+1</f><v></v>", "1+1</f><v>0</v>"), ("2+2</f><v></v>", "2+2</f><v>4</v>")
    )
    table, _ = read(path)  # openpyxl writes `fullCalcOnLoad`, as XlsxWriter does
    assert problems(table) == {2: "formula without a stored value: `answer`"}
    assert table["answer"].to_list() == [None, "4", "0"]


def test_an_error_in_a_column_that_is_not_read_rejects_no_row(path: Path):
    write(path, ("a", "b"))
    change(
        path,
        SHEET,
        ("</c></row></sheetData>", '</c><c r="C2" t="e"><v>#N/A</v></c></row></sheetData>'),
    )
    assert answers(path) == {"a": "b"}


def test_runs_escapes_and_reading_aids(path: Path):
    write(
        path,
        ("rich", CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"), "!")),
        ("escaped", "one_x000A_two _x005F_x000A_ _xD83D__xDE00_"),
        ("inline", "INLINE"),
    )
    runs = '<r><t>in</t></r><r><t>line</t></r><rPh sb="0" eb="1"><t>x</t></rPh>'
    change(path, SHEET, ("<t>INLINE</t>", runs))
    assert answers(path) == {
        "rich": "plain bold!",
        "escaped": "one\ntwo _x000A_ 😀",
        "inline": "inline",
    }


def test_shared_texts_have_runs_and_reading_aids_too(path: Path):
    aid = '<rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/>'
    share(
        path,
        "<t>question</t>",
        "<t>answer</t>",
        f"<t>東京</t>{aid}",
        "<r><t>a</t></r><r><t>b</t></r>",
    )
    assert answers(path) == {"東京": "ab"}


def share(path: Path, *texts: str) -> None:
    """Write a workbook of two columns whose texts are shared, as spreadsheets do."""
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

    def relate(*pairs: tuple[str, str]) -> str:
        ones = (
            f'<Relationship Id="r{number}" Type="{kinds}/{kind}" Target="{target}"/>'
            for number, (kind, target) in enumerate(pairs)
        )
        return f"<Relationships>{''.join(ones)}</Relationships>"

    cells = [f'<c t="s"><v>{number}</v></c>' for number in range(len(texts))]
    rows = "".join(f"<row>{''.join(cells[at : at + 2])}</row>" for at in range(0, len(cells), 2))
    parts = {
        "_rels/.rels": relate(("officeDocument", "book/main.xml")),
        "book/_rels/main.xml.rels": relate(
            ("worksheet", "/one.xml"), ("sharedStrings", "texts.xml")
        ),
        "book/main.xml": f'<workbook {main} xmlns:r="{kinds}"><sheets>'
        '<sheet name="One" r:id="r0"/></sheets></workbook>',
        "book/texts.xml": f"<sst {main}>{''.join(f'<si>{text}</si>' for text in texts)}</sst>",
        "one.xml": f"<worksheet {main}><sheetData>{rows}</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_hidden_rows_are_rejected_and_counted(path: Path):
    book = Workbook()
    sheet = book.active
    fill(sheet, ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"))
    sheet.row_dimensions[3].hidden = True
    book.save(path)
    change(path, SHEET, ('<row r="5"', '<row ht="0" customHeight="1" r="5"'))
    table, notes = read(path)
    assert problems(table) == {3: "hidden row: by hand", 5: "hidden row: by hand"}
    assert table["line"].to_list() == [2, 3, 4, 5]
    assert notes == ["2 hidden rows rejected; show them in the sheet to use them"]
    assert b"b" in table["original"][1]


def test_rows_that_a_filter_hides_are_said_to_be(path: Path):
    book = Workbook()
    sheet = book.active
    fill(sheet, ("a", "x"), ("b", "y"), ("c", "x"))
    sheet.auto_filter.ref = "A1:B3"
    sheet.auto_filter.add_filter_column(1, ["y"])
    sheet.row_dimensions[2].hidden = sheet.row_dimensions[4].hidden = True
    book.save(path)
    table, notes = read(path)
    assert problems(table) == {2: "hidden row: by a filter", 4: "hidden row: by hand"}
    assert notes[0].startswith("2 hidden rows (1 by a filter) rejected")


def test_the_filter_of_a_table_is_one(path: Path):
    book = Workbook()
    book.active.sheet_properties.filterMode = True
    fill(book.active, ("a", "x"), ("b", "y"))
    book.active.row_dimensions[2].hidden = True
    book.save(path)
    assert problems(read(path)[0]) == {2: "hidden row: by a filter"}


def test_a_hidden_column_is_read_if_it_is_the_only_one_of_its_name(path: Path):
    book = Workbook()
    sheet = book.active
    for row in (["answer", "question", "answer"], ["old", "q", "new"]):
        sheet.append(row)
    sheet.column_dimensions["A"].hidden = sheet.column_dimensions["B"].hidden = True
    book.save(path)
    table, notes = read(path)
    assert table["answer"].to_list() == ["new"]
    assert notes == ["the column `question` is hidden, and read because the parameters name it"]


def test_the_first_visible_sheet_is_read_and_the_others_are_named(path: Path):
    book = Workbook()
    book.active.title, book.active.sheet_state = "Old", "veryHidden"
    fill(book.active, ("old", "no"))
    fill(book.create_sheet("New"), ("new", "yes"))
    book.create_sheet("More")
    book.create_chartsheet("Chart")
    book.save(path)
    table, notes = read(path)
    assert table["question"].to_list() == ["new"]
    assert notes == [
        "only the sheet `New` is read, and not `Old` (hidden), `More`; name another as `sheet` in "
        "the catalog"
    ]
    assert answers(path, sheet="Old") == {"old": "no"}  # whoever names it wants it


def test_a_merged_text_belongs_to_each_of_its_rows(path: Path):
    book = Workbook()
    sheet = book.active
    fill(sheet, ("a", "1"), (None, "2"), (None, None), ("wide", None), ("b", "3"))
    sheet.merge_cells("A2:A4")
    sheet.merge_cells("A5:B5")
    book.save(path)
    table, notes = read(path)
    assert table["question"].to_list() == ["a", "a", None, "wide", "b"]
    assert table["answer"].to_list() == ["1", "2", None, "", "3"]
    assert problems(table) == {4: "empty row"}
    assert notes == ["the text of merged cells is read in 1 row more"]


def test_a_format_that_is_not_known_is_said_with_its_column(path: Path):
    write(path, ("a", 5, "[DBNum1]0"), ("b", 6, "[DBNum1]0"), ("c", 7, "0"))
    table, notes = read(path)
    assert table["answer"].to_list() == ["5", "6", "7"]
    assert notes == [
        "column `answer`: 2 cells (first `5` in row 2) are as stored, because their format is not "
        "known ([DBNum1]0); choose another format in the sheet"
    ]


def test_a_date_that_is_none_is_said(path: Path):
    write(path, ("a", -5, "dd.mm.yyyy"))
    table, notes = read(path)
    assert table["answer"].to_list() == ["-5"]
    assert "column `answer`: 1 cell (first `-5` in row 2) are as stored" in notes[0]


def test_a_country_that_the_file_leaves_open_is_asked_for(path: Path):
    write(path, ("a", 1234.5, "#,##0.00"), ("b", datetime.date(2026, 3, 15), "mm-dd-yy"), ("c", 7))
    table, notes = read(path)
    assert table["answer"].to_list() == ["1,234.50", "2026-03-15", "7"]
    assert [note.partition(" would")[0] for note in notes] == [
        "column `answer`: 2 cells (first `1,234.50` in row 2)"
    ]
    table, notes = read(path, locale="cs_CZ")
    assert table["answer"].to_list() == ["1\xa0234,50", "15.03.2026", "7"]
    assert notes == []


def test_a_country_that_does_not_exist_is_refused(path: Path):
    write(path, ("a", 1))
    with pytest.raises(TunelineError, match=r"= xx_YY: no country is known by this name; .* cs_CZ"):
        read(path, locale="xx_YY")


def test_a_sheet_may_leave_out_addresses_and_use_the_strict_names(path: Path):
    write(path, ("a", 0.5, "0%"))
    change(path, SHEET, ('r="A2" ', ""), ('r="B2" ', ""), ('<row r="2">', "<row>"))
    strict = (
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    )
    for part in (SHEET, "xl/workbook.xml", "xl/styles.xml"):
        change(path, part, strict)
    assert answers(path) == {"a": "50%"}


def test_a_sheet_with_an_entity_is_refused(path: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("secret")
    entity = f'<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><worksheet'
    write(path, ("a", "b"))
    change(path, SHEET, ("<worksheet", entity), ("<t>b</t>", "<t>b&x;</t>"))
    with pytest.raises(TunelineError, match=r"not safe: xl/worksheets/sheet1\.xml has a document"):
        read(path)


@pytest.mark.parametrize("row", ["1048577", "99999999999", "0", "x"])
def test_a_row_that_no_sheet_has_is_refused_and_not_waited_for(path: Path, row: str):
    write(path, ("a", "b"))
    change(path, SHEET, ('<row r="2"', f'<row r="{row}"'))
    with pytest.raises(TunelineError, match="no workbook that can be read"):
        read(path)

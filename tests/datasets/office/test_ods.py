import zipfile
from pathlib import Path

import pytest

from tests.datasets.office.reading import answers, problems, read
from tuneline.errors import TunelineError

NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "style")
)
CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
HEADER = "<table:table-row>" + "".join(
    f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
    for name in ("question", "answer")
)
HEADER += "</table:table-row>"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.ods"


def row(question: str, answer: str, attributes: str = "") -> str:
    return (
        f"<table:table-row {attributes}><table:table-cell><text:p>{question}</text:p>"
        f"</table:table-cell>{answer}</table:table-row>"
    )


def cell(kind: str, text: str, attributes: str = "") -> str:
    shown = f"<text:p>{text}</text:p>" if text else ""
    return f'<table:table-cell office:value-type="{kind}" {attributes}>{shown}</table:table-cell>'


def write(path: Path, *tables: str) -> Path:
    content = (
        f"<office:document-content {NAMES} {CALC}><office:automatic-styles>"
        '<style:style style:name="hidden"><style:table-properties table:display="false"/>'
        f"</style:style></office:automatic-styles><office:body><office:spreadsheet>{''.join(tables)}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    return path


def table(*rows: str, name: str = "Data", style: str = "shown", columns: str = "") -> str:
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">{columns}{HEADER}'
        f"{''.join(rows)}</table:table>"
    )


def test_the_text_that_is_shown_is_read_and_not_the_value(path: Path):
    note = "<office:annotation><text:p>a comment</text:p></office:annotation>"
    write(
        path,
        table(
            row("rate", cell("percentage", "15 %", 'office:value="0.15"')),
            row("day", cell("date", "15. 3. 2026", 'office:date-value="2026-03-15"')),
            row("long", cell("time", "26:05:00", 'office:time-value="PT26H05M00S"')),
            row("money", cell("currency", "1 234,50 Kč", 'office:value="1234.5"')),
            row("code", cell("float", "00123", 'office:value="123"')),
            row(
                "words",
                cell(
                    "string",
                    "two<text:s text:c='2'/>words<text:line-break/><text:span>and"
                    " <text:a>a link</text:a></text:span>",
                ),
            ),
            row("noted", f"<table:table-cell>{note}<text:p>kept</text:p></table:table-cell>"),
            row(
                "lines",
                "<table:table-cell><text:p>one</text:p><text:p>two</text:p></table:table-cell>",
            ),
        ),
    )
    assert answers(path) == {
        "rate": "15 %",
        "day": "15. 3. 2026",
        "long": "26:05:00",
        "money": "1 234,50 Kč",
        "code": "00123",
        "words": "two  words\nand a link",
        "noted": "kept",
        "lines": "one\ntwo",
    }


def test_errors_and_formulas_nobody_computed_are_named(path: Path):
    write(
        path,
        table(
            row("a", cell("string", "#N/A", 'table:formula="of:=NA()" calcext:value-type="error"')),
            row("b", cell("float", "Err:502", 'table:formula="of:=SQRT()" office:value="0"')),
            row("c", '<table:table-cell table:formula="of:=1+1"/>'),
            row("d", cell("string", "#REF!")),
        ),
    )
    found, _ = read(path)
    assert problems(found) == {
        2: "formula error: #N/A in `answer`",
        3: "formula error: Err:502 in `answer`",
        4: "formula without a stored value: `answer`",
    }
    assert found["answer"].to_list()[3] == "#REF!"


def test_hidden_and_repeated_rows_columns_and_sheets(path: Path):
    text = cell("string", "x")
    columns = '<table:table-column/><table:table-column table:visibility="collapse"/>'
    empty = "<table:table-row {}><table:table-cell/></table:table-row>"
    empty, last = (
        empty.format(f'table:number-rows-repeated="{number}"') for number in (3, 1_048_000)
    )
    group = f"<table:table-row-group>{row('d', text)}</table:table-row-group>"
    shown = table(
        row("a", text, 'table:visibility="filter"'),
        empty,
        row("b", text, 'table:visibility="collapse"'),
        row("c", text, 'table:number-rows-repeated="2"'),
        group,
        last,
        columns=columns,
    )
    write(path, table(row("no", text), name="Old", style="hidden"), shown)
    found, notes = read(path)
    assert problems(found) == {
        2: "hidden row: by a filter",
        **dict.fromkeys((3, 4, 5), "empty row"),
        6: "hidden row: by hand",
    }
    assert found["question"].drop_nulls().to_list() == ["c", "c", "d"]
    assert [note.split(";")[0] for note in notes] == [
        "only the sheet `Data` is read, and not `Old` (hidden)",
        "2 hidden rows (1 by a filter) rejected",
        "the column `answer` is hidden, and read because the parameters name it",
    ]


def test_a_merged_text_belongs_to_each_of_its_rows(path: Path):
    first = (
        '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>a</text:p>'
        f"</table:table-cell>{cell('string', '1')}</table:table-row>"
    )
    second = f"<table:table-row><table:covered-table-cell/>{cell('string', '2')}</table:table-row>"
    found, _ = read(write(path, table(first, second)))
    assert found["question"].to_list() == ["a", "a"]


def test_a_cell_that_holds_no_text_is_said(path: Path):
    write(path, table(row("a", cell("float", "", 'office:value="0.5"'))))
    found, notes = read(path)
    assert found["answer"].to_list() == ["0.5"]
    assert notes[0].startswith("column `answer`: 1 cell (first `0.5` in row 2) are as stored")


def test_a_protected_file_is_named(path: Path):
    manifest = (
        '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><m:file-entry '
        'm:full-path="content.xml"><m:encryption-data/></m:file-entry></m:manifest>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", bytes(range(256)))
        archive.writestr("META-INF/manifest.xml", manifest)
    with pytest.raises(TunelineError, match=r"protected by a password; .* save it without"):
        read(path)

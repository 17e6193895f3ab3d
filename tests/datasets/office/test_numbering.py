from io import BytesIO

import pytest
from docx import Document

from tests.datasets.office.documents import p, read, t, text
from tuneline.datasets.office.docx import read_docx
from tuneline.datasets.office.docx_numbering import to_roman
from tuneline.utils.limits import Limits


def level(at: int, shown: str, kind: str = "decimal", more: str = "") -> str:
    return (
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>{more}'
        f'<w:lvlText w:val="{shown}"/></w:lvl>'
    )


def lists(*levels: str, more: str = "", override: str = "") -> str:
    return (
        f'<w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>{more}'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        f'<w:num w:numId="2"><w:abstractNumId w:val="0"/>{override}</w:num>'
    )


def item(at: int = 0, name: int = 1, words: str = "x") -> str:
    return p(t(words), f'<w:numPr><w:ilvl w:val="{at}"/><w:numId w:val="{name}"/></w:numPr>')


def number(numbering: str, *places: tuple[int, int] | int) -> list[str]:
    pairs = [one if isinstance(one, tuple) else (one, 1) for one in places]
    lines = text("".join(item(*pair) for pair in pairs), numbering=numbering).split("\n")
    return [line.removesuffix("x").strip() for line in lines]


def test_deeper_levels_begin_again_and_show_those_above():
    numbering = lists(level(0, "%1."), level(1, "%1.%2"), level(2, "%3)", "lowerLetter"))
    assert number(numbering, 0, 1, 1, 2, 2, 0, 1, 2) == (
        ["1.", "1.1", "1.2", "a)", "b)", "2.", "2.1", "a)"]
    )


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("upperRoman", ["I", "II", "III", "IV"]),
        ("lowerLetter", ["a", "b", "c", "d"]),
        ("decimalZero", ["01", "02", "03", "04"]),
        ("ordinal", ["1st", "2nd", "3rd", "4th"]),
        ("none", ["", "", "", ""]),
    ],
)
def test_numbers_are_written_as_the_level_says(kind: str, shown: list[str]):
    assert number(lists(level(0, "%1", kind)), 0, 0, 0, 0) == shown


def test_letters_double_after_z():
    assert number(lists(level(0, "%1", "upperLetter")), *[0] * 28)[-3:] == ["Z", "AA", "BB"]
    assert [to_roman(one) for one in (4, 49, 1994)] == ["iv", "xlix", "mcmxciv"]


def test_a_list_goes_on_unless_it_is_told_to_begin_again():
    assert number(lists(level(0, "%1.")), 0, 0, (0, 2), 0) == ["1.", "2.", "3.", "4."]
    again = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
    assert number(lists(level(0, "%1."), override=again), 0, 0, (0, 2), (0, 2)) == (
        ["1.", "2.", "1.", "2."]
    )


def test_a_level_may_never_begin_again_and_write_all_in_figures():
    never, legal = '<w:lvlRestart w:val="0"/>', "<w:isLgl/>"
    numbering = lists(level(0, "%1", "upperRoman"), level(1, "%1.%2", more=never + legal))
    assert number(numbering, 0, 1, 0, 1) == ["I", "1.1", "II", "2.2"]


@pytest.mark.parametrize(
    ("mark", "font", "shown"),
    [
        ("\uf0b7", "Symbol", "•"),
        ("\uf0a7", "Wingdings", "▪"),
        ("o", "Courier New", "◦"),
        ("–", "Arial", "–"),
        ("\uf021", "Webdings", "•"),
    ],
)
def test_bullets(mark: str, font: str, shown: str):
    fonts = f'<w:rPr><w:rFonts w:ascii="{font}"/></w:rPr>'
    assert number(lists(level(0, mark, "bullet", fonts)), 0) == [shown]


def test_a_number_belongs_to_a_style_or_to_the_style_it_builds_on():
    numbering = lists(
        level(0, "%1", more='<w:pStyle w:val="H1"/>'),
        level(1, "%1.%2", more='<w:pStyle w:val="H2"/>'),
    )
    link = '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr>'
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{one}">{link}</w:style>' for one in ("H1", "H2")
    )
    styles += '<w:style w:styleId="Mine"><w:basedOn w:val="H2"/></w:style>'
    off = '<w:pStyle w:val="H1"/><w:numPr><w:numId w:val="0"/></w:numPr>'
    body = "".join(p(t("x"), f'<w:pStyle w:val="{one}"/>') for one in ("H1", "H2", "Mine"))
    assert text(body + p(t("x"), off), numbering=numbering, styles=styles) == "1 x\n1.1 x\n1.2 x\nx"


def test_deleted_and_hidden_paragraphs_are_not_counted():
    number_of = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    gone = p(f"<w:del>{t('gone')}</w:del>", f"{number_of}<w:rPr><w:del/></w:rPr>")
    assert text(item() + gone + item(), numbering=lists(level(0, "%1."))) == "1. x\n2. x"


def test_a_format_that_is_not_known_is_said():
    document = read(item(), numbering=lists(level(0, "%1.", "chicago")))
    assert document.text == "1. x"
    assert document.losses == {"list numbered by chicago": 1}


def test_the_lists_of_a_real_template():
    document = Document()
    for style in ("List Number", "List Number", "List Bullet", "List Number 2"):
        document.add_paragraph("x", style=style)
    file = BytesIO()
    document.save(file)
    assert read_docx(file.getvalue(), Limits()).text == "1. x\n2. x\n• x\n1. x"

import pytest

from tests.datasets.office.documents import p, read, t, text

DELETED = "<w:rPr><w:del/></w:rPr>"
FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
BEGIN, SEPARATE, END = map(FIELD.format, ("begin", "separate", "end"))


def control(inner: str) -> str:
    return f"<w:sdt><w:sdtPr/><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


def symbol(font: str, code: str) -> str:
    return f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'


def instruction(words: str) -> str:
    return f"<w:r><w:instrText>{words}</w:instrText></w:r>"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        # Tracked changes count as accepted.
        (p(f"{t('a ')}<w:del>{t('old')}</w:del><w:ins>{t('new')}</w:ins>{t(' z')}"), "a new z"),
        (p(f"<w:ins><w:del>{t('gone')}</w:del></w:ins>{t('kept')}"), "kept"),
        (
            p(f"<w:moveFrom>{t('here')}</w:moveFrom>") + p(f"<w:moveTo>{t('there')}</w:moveTo>"),
            "\nthere",
        ),
        (p(t("one "), DELETED) + p(t("two")), "one two"),
        (p(f"<w:del>{t('gone')}</w:del>", DELETED) + p(t("two")), "two"),
        (f"<w:ins>{p(t('inserted'))}</w:ins>", "inserted"),
        (p(t("new", "<w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange>")), "new"),
        # What wraps text without being text.
        (control(p(t("block"))), "block"),
        (p(control(control(t("x")))), "x"),
        (p(f"<w:customXml><w:smartTag>{t('city')}</w:smartTag></w:customXml>"), "city"),
        (p(f'<w:hyperlink r:id="x">{t("a link")}</w:hyperlink>'), "a link"),
        (p(f"<w:bdo><w:dir>{t('turned')}</w:dir></w:bdo>"), "turned"),
        # Of fields, the result.
        (p(f'<w:fldSimple w:instr="PAGE">{t("7")}</w:fldSimple>'), "7"),
        (
            p(f"{t('on ')}{BEGIN}{instruction('DATE')}{SEPARATE}{t('5 May')}{END}{t('.')}"),
            "on 5 May.",
        ),
        (p(f"{BEGIN}{instruction('XE')}{t('index')}{END}{t('kept')}"), "kept"),
        (
            p(
                f"{BEGIN}{instruction('IF ')}{BEGIN}{instruction('X')}{SEPARATE}{t('inner')}{END}"
                f"{SEPARATE}{t('yes')}{END}"
            ),
            "yes",
        ),
        (
            p(f"{BEGIN}{instruction('TOC')}{SEPARATE}{t('1')}") + p(f"{t('2')}{END}") + p(t("3")),
            "1\n2\n3",
        ),
        # Characters that are elements.
        (
            p("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:cr/><w:t>d</w:t></w:r>"),
            "a\tb\nc\nd",
        ),
        (
            p("<w:r><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t><w:softHyphen/></w:r>"),
            "non-stop",
        ),
        (p(symbol("Symbol", "F061") + symbol("Wingdings", "F0E0")), "α→"),
        (p(t("\uf0b3", '<w:rFonts w:ascii="Symbol"/>')), "≥"),
        # Hidden text.
        (p(t("secret", "<w:vanish/>") + t("seen", '<w:vanish w:val="0"/>')), "seen"),
        (p(t("one "), "<w:rPr><w:vanish/></w:rPr>") + p(t("two")), "one two"),
        (p(t("web", "<w:webHidden/>")), "web"),
        # Forms of old.
        (
            p(
                '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/>'
                f"<w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>{END}{t(' done')}"
            ),
            "☒ done",
        ),
    ],
)
def test_the_text_that_word_shows(body: str, shown: str):
    assert text(body) == shown


def test_a_style_may_hide_text():
    styles = (
        '<w:style w:styleId="base"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:styleId="note"><w:basedOn w:val="base"/></w:style>'
        '<w:style w:styleId="loop"><w:basedOn w:val="loop"/></w:style>'
    )
    body = (
        p(t("a") + t("b", '<w:rStyle w:val="note"/>'))
        + p(t("c") + t("d", '<w:vanish w:val="false"/>'), '<w:pStyle w:val="note"/>')
        + p(t("e"), '<w:pStyle w:val="loop"/>')
    )
    assert text(body, styles=styles) == "a\nde"


def cell(inner: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner}</w:tc>"


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def test_a_merged_cell_is_read_once_and_a_nested_table_too():
    start, more = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    nested = cell(p(t("x")) + table(cell(p(t("in"))) + cell(p(t("side")))) + p(""))
    body = table(
        cell(p(t("wide")), '<w:gridSpan w:val="3"/>'),
        cell(p(t("tall")), start)
        + cell(p(t("a")))
        + cell(p(t("old")), '<w:hMerge w:val="restart"/>')
        + cell(p(t("unseen")), "<w:hMerge/>"),
        cell(p(t("unseen")), more) + cell(p(t("b"))) + nested,
    )
    assert text(body) == "wide\ntall | a | old\n | b | x\nin | side"


def test_rows_and_cells_may_be_wrapped_deleted_or_hidden():
    wrapped = control(cell(p(t("b"))))
    deleted = f"<w:trPr><w:del/></w:trPr>{cell(p(t('gone')))}"
    hidden = f"<w:trPr><w:hidden/></w:trPr>{cell(p(t('gone')))}"
    body = table(cell(p(t("a"))) + wrapped + cell(p(t("c")), "<w:cellDel/>"), deleted, hidden)
    row = control(f"<w:tr>{cell(p(t('last')))}</w:tr>")
    assert text(body.replace("</w:tbl>", f"{row}</w:tbl>")) == "a | b\nlast"


def box(inner: str) -> str:
    return f"<w:txbxContent>{inner}</w:txbxContent>"


def test_a_text_box_is_read_once_after_its_paragraph():
    shape = f"<w:drawing><wps:txbx>{box(p(t('in')) + p(t('side')))}</wps:txbx></w:drawing>"
    old = f"<w:pict><v:shape><v:textbox>{box(p(t('twice')))}</v:textbox></v:shape></w:pict>"
    both = f"<mc:Choice>{shape}</mc:Choice><mc:Fallback>{old}</mc:Fallback>"
    both = f"<mc:AlternateContent>{both}</mc:AlternateContent>"
    assert text(p(f"{t('before ')}<w:r>{both}</w:r>{t('after')}") + p(t("end"))) == (
        "before after\nin\nside\nend"
    )
    assert text(p(f"<w:r>{old}</w:r>")) == "\ntwice"
    art = '<w:r><w:pict><v:shape><v:textpath string="Sale!"/></v:shape></w:pict></w:r>'
    assert text(p(art)) == "\nSale!"


def test_an_alternative_is_taken_if_the_first_has_no_text():
    emoji = (
        '<mc:AlternateContent><mc:Choice><w:unknown w:char="1F60A"/></mc:Choice><mc:Fallback>'
        "<w:t>😊</w:t></mc:Fallback></mc:AlternateContent>"
    )
    assert text(p(f"<w:r>{emoji}</w:r>")) == "😊"


def test_notes_follow_the_text():
    body = p(
        f'{t("a")}<w:r><w:footnoteReference w:id="5"/></w:r>{t(" b")}<w:r><w:endnoteReference '
        f'w:id="2"/></w:r><w:r><w:footnoteReference w:id="7"/></w:r>'
    )
    note = '<w:{0}note w:id="{1}"><w:p><w:r><w:{0}noteRef/></w:r>{2}</w:p></w:{0}note>'.format
    shown = text(
        body,
        footnotes=note("foot", 7, t(" second")) + note("foot", 5, t(" first")),
        endnotes=note("end", 2, t(" last")),
    )
    assert shown == "a[1] b[i][2]\n[1] first\n[2] second\n[i] last"


@pytest.mark.parametrize(
    ("body", "loss"),
    [
        (p("<w:r><w:drawing><a:graphic><pic:pic/></a:graphic></w:drawing></w:r>"), "picture"),
        (p("<w:r><w:pict><v:shape><v:imagedata/></v:shape></w:pict></w:r>"), "picture"),
        (p("<w:r><w:object><v:imagedata/><o:OLEObject/></w:object></w:r>"), "embedded object"),
        (p("<w:r><w:drawing><a:graphic><c:chart/></a:graphic></w:drawing></w:r>"), "chart"),
        ('<w:altChunk r:id="x"/>', "embedded document"),
        (p('<w:r><w:commentReference w:id="1"/></w:r>'), "comment"),
        (p(symbol("Webdings", "F021")), "symbol F021 of the font Webdings"),
        (p(f"{BEGIN}{instruction('DATE')}"), "field that is never closed"),
    ],
)
def test_what_cannot_be_read_is_counted(body: str, loss: str):
    document = read(p(t("kept")) + body)
    assert document.losses == {loss: 1}
    assert document.text.strip() == "kept"


def test_reading_aids_headers_and_footers_are_counted():
    ruby = "<w:r><w:ruby><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>"
    document = read(
        p(ruby.format(t("とうきょう"), t("東京"))), header=p(t("head")), footer=p(t(" "))
    )
    assert document.text == "東京"
    assert document.losses == {"reading aid": 1, "header": 1}


def r(words: str) -> str:
    return f"<m:r><w:rPr/><m:t>{words}</m:t></m:r>"


@pytest.mark.parametrize(
    ("equation", "shown"),
    [
        (f"<m:sSup><m:e>{r('a')}</m:e><m:sup>{r('2')}</m:sup></m:sSup>", "a²"),
        (f"<m:sSup><m:e>{r('a+b')}</m:e><m:sup>{r('k')}</m:sup></m:sSup>", "(a+b)^k"),
        (f"<m:sSub><m:e>{r('x')}</m:e><m:sub>{r('12')}</m:sub></m:sSub>", "x₁₂"),
        (f"{r('x=')}<m:f><m:num>{r('a+b')}</m:num><m:den>{r('2')}</m:den></m:f>", "x=(a+b)/2"),
        (f"<m:rad><m:deg/><m:e>{r('b+1')}</m:e></m:rad>", "√(b+1)"),
        (f"<m:rad><m:deg>{r('3')}</m:deg><m:e>{r('8')}</m:e></m:rad>", "∛8"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{r("i=1")}</m:sub>'
            f"<m:sup>{r('n')}</m:sup><m:e>{r('i')}</m:e></m:nary>",
            "∑_(i=1)ⁿ i",
        ),
        (
            f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{r("a")}</m:e>'
            f"<m:e>{r('b')}</m:e></m:d>",
            "[a|b]",
        ),
        (f"<m:func><m:fName>{r('sin')}</m:fName><m:e>{r('x')}</m:e></m:func>", "sin x"),
        (f"<m:m><m:mr><m:e>{r('1')}</m:e><m:e>{r('2')}</m:e></m:mr></m:m>", "1, 2"),
        (f"<m:bar><m:e>{r('x')}</m:e></m:bar>", "x\N{COMBINING OVERLINE}"),
        (f"<w:ins>{r('new')}</w:ins><w:del>{r('old')}</w:del>", "new"),
    ],
)
def test_an_equation_is_a_line_of_text(equation: str, shown: str):
    inline = p(f"{t('so ')}<m:oMath>{equation}</m:oMath>{t('.')}")
    assert text(inline) == f"so {shown}."
    assert text(p(f"<m:oMathPara><m:oMath>{equation}</m:oMath></m:oMathPara>")) == shown

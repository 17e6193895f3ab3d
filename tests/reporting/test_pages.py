"""Whatever a user or a model wrote stays text: read back by a Markdown parser of its own."""

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tuneline.reporting.pages import escape_markdown, fence_code, format_code, format_table

HOSTILE = (
    "<script>alert(1)</script> | a | **bold** _x_ `format_code` [link](https://evil.example) "
    "![image](https://evil.example/x.png) <img src=x onerror=alert(1)> &lt;b&gt; ~~gone~~ # title"
)
# Without control signs and surrogates, which no Markdown parser keeps.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=60)
SIGNS = st.text("<>|`*_[]()!&~#\\$-+.1 a\n", max_size=40)

STARTS = st.from_regex(r"([-+*=#>]{1,3}|[0-9]{1,3}[.)]) ?a?", fullmatch=True)


def read(markdown: str) -> list[Token]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def read_inline(markdown: str) -> list[Token]:
    (inline,) = [token for token in read(markdown) if token.type == "inline"]
    return inline.children or []


def flatten(text: str) -> str:
    return " ".join(text.split())


@given(SIGNS | TEXTS)
def test_an_escaped_text_reads_as_itself(text: str):
    tokens = read_inline(f"x {escape_markdown(text)} x")
    assert {token.type for token in tokens} <= {"text", "text_special"}
    shown = "".join(token.content for token in tokens)
    assert flatten(shown) == flatten(f"x {text} x")


@given(STARTS | SIGNS | TEXTS)
def test_an_escaped_text_begins_nothing(text: str):
    """Neither a list, nor a heading, nor a ruler, where it is a line of its own."""
    kinds = [token.type for token in read(escape_markdown(text))]
    assert kinds in ([], ["paragraph_open", "inline", "paragraph_close"])
    item = [token.type for token in read(f"- {escape_markdown(text)}")]
    assert item.count("list_item_open") == 1
    assert not {"heading_open", "hr", "ordered_list_open", "fence"} & {*item}


@given(SIGNS | TEXTS, SIGNS | TEXTS)
def test_a_table_keeps_its_cells(first: str, second: str):
    tokens = read(
        format_table([first, "b"], [[second, 1], [format_code(second), format_code(first)]])
    )
    kinds = [token.type for token in tokens]
    assert kinds.count("tr_open") == 3
    assert kinds.count("th_open") + kinds.count("td_open") == 6
    cells = [token for token in tokens if token.type == "inline"]
    inside = {child.type for cell in cells for child in cell.children or []}
    assert inside <= {"text", "text_special", "code_inline"}


@given(st.text("`~\n ab>#-\u2028\x0b", max_size=60))
def test_nothing_gets_out_of_a_fence(text: str):
    (only,) = read(fence_code(text))
    assert only.type == "fence"
    assert only.content == "\n".join(text.splitlines()) + "\n"


@given(st.text("`| ab*", max_size=20))
def test_code_in_a_sentence_stays_in_it(text: str):
    tokens = read_inline(f"x {format_code(text)} x")
    assert {token.type for token in tokens} <= {"text", "text_special", "code_inline"}


def test_numbers_and_full_stops_are_left_as_they_are():
    texts = ["25.2", "-0.1", "+8.8", "."]
    assert [escape_markdown(text) for text in texts] == texts


def test_hostile_text_is_text():
    assert "".join(token.content for token in read_inline(escape_markdown(HOSTILE))) == HOSTILE

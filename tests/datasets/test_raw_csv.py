import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuneline.datasets import RawCSVDataset, unpacking
from tuneline.errors import TunelineError
from tuneline.streaming import Fields
from tuneline.utils.text import NOT_UTF8

FIELDS = Fields("uid", ("title",))


def read(path: Path, **options: str) -> pl.DataFrame:
    return pl.concat(RawCSVDataset(filepath=str(path), **options).load().map(FIELDS, lambda t: t))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def test_words_and_line_ends_in_cells_survive_and_lines_are_those_of_the_file(path: Path):
    path.write_text('uid,title,more\n1,NA,x\n2,"two\nlines ""quoted""",x\n3,null,x\n', "utf-8")
    table = read(path)
    assert table["title"].to_list() == ["NA", 'two\nlines "quoted"', "null"]
    assert table["line"].to_list() == [2, 3, 5]
    assert table["problem"].null_count() == 3


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(path: Path, separator: str):
    path.write_text(f"uid{separator}title\n1{separator}a b\n", "utf-8")
    assert read(path)["title"].to_list() == ["a b"]


def test_an_unreadable_record_keeps_its_text_and_its_neighbors(path: Path):
    path.write_bytes(b'uid,title\n1,a\n2,b,c\n\n3,\xe8\n4,"open\n5,e\n6,f\n')
    table = read(path)
    assert table["line"].to_list() == [2, 3, 4, 5, 6, 7, 8]
    assert [problem and problem.split(":")[0] for problem in table["problem"]] == [
        None,
        "cells not as in the header",
        "empty line",
        NOT_UTF8,
        "a quote is never closed",
        None,
        None,
    ]
    assert b"\n".join(table["original"]) == b'1,a\n2,b,c\n\n3,\xe8\n4,"open\n5,e\n6,f'


def test_another_encoding_can_be_named(path: Path):
    path.write_bytes("uid,title\n1,kůň\n".encode("cp1250"))
    assert read(path, encoding="cp1250")["title"].to_list() == ["kůň"]


def test_a_misspelled_column_is_refused_before_the_work(path: Path):
    path.write_text("uid,titel\n1,a\n", "utf-8")
    with pytest.raises(TunelineError, match="did you mean `titel`"):
        read(path)


def test_the_name_of_a_column_may_have_several_lines(path: Path):
    path.write_text('uid,"the\ntitle"\n1,a\n2,b\n', "utf-8")
    (table,) = (
        RawCSVDataset(filepath=str(path)).load().map(Fields("uid", ("the title",)), lambda t: t)
    )
    assert table["the title"].to_list() == ["a", "b"]
    assert table["line"].to_list() == [3, 4]


def test_a_column_that_is_there_twice_is_refused_only_if_it_is_wanted(path: Path):
    path.write_text("uid,title,more,more\n1,a,b,c\n", "utf-8")
    assert read(path)["title"].to_list() == ["a"]
    path.write_text("uid,title,title\n1,a,b\n", "utf-8")
    with pytest.raises(TunelineError, match="`title` is there twice"):
        read(path)


def test_a_header_without_rows_is_a_table_without_rows(path: Path):
    path.write_text("uid,title\n", "utf-8")
    assert read(path).select("line", "title").shape == (0, 2)


KEPT = {2: "a", 4: "c", 5: "d, e", 6: 'size 5" pipe'}


def find_kept(table: pl.DataFrame) -> dict[int, str]:
    good = table.filter(pl.col("problem").is_null())
    return dict(good.select("line", "title").iter_rows())


@pytest.mark.parametrize(
    "stray",
    [
        '3,"never closed',
        '"3,never closed',
        '3,"closed" too early',
        '3,"one ""doubled"" and open',
        '3,"open ""',
    ],
)
@pytest.mark.parametrize("size", [5, 17, 8 << 20])
@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv.gz"])
def test_only_the_line_with_a_stray_quote_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stray: str, size: int, name: str
):
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", size)
    lines = ["uid,title", "2,a", stray, "4,c", '5,"d, e"', '6,size 5" pipe']
    text = "\n".join(lines)
    if "tsv" in name:
        text = text.replace(",", "\t").replace("d\t e", "d, e")
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    assert find_kept(table := read(path)) == KEPT
    assert table.filter(line=3)["original"].item().decode().replace("\t", ",") == stray


def test_a_stray_quote_is_blamed_whether_or_not_another_quote_follows(path: Path):
    path.write_text('uid,title\n1,a\n2,"open\n3,b\n4,pipe 5" wide\n5,c\n6,"open, too\n7,d', "utf-8")
    table = read(path)
    assert find_kept(table) == {2: "a", 4: "b", 5: 'pipe 5" wide', 6: "c", 8: "d"}
    assert table["problem"].drop_nulls().to_list() == ["a quote is never closed"] * 2


def test_a_cell_of_several_lines_stays_whole_after_a_stray_quote(path: Path):
    path.write_text('uid,title\n1,"open\n2,b\n3,"two\nlines, or\n\nfour"\n4,d\n', "utf-8")
    assert find_kept(read(path)) == {3: "b", 4: "two\nlines, or\n\nfour", 8: "d"}


@pytest.mark.parametrize(
    "record",
    [
        '1,"Yes, do\nso, and\nthen "now", ok"',
        '1,"First, this\nthen, that",extra',
        '1,"a\nb\nd" x,e',
    ],
)
def test_the_rest_of_a_broken_cell_becomes_no_row(path: Path, record: str):
    path.write_text(f"uid,title\n0,a\n{record}\n2,b\n", "utf-8")
    table = read(path)
    assert list(find_kept(table).values()) == ["a", "b"]
    assert b"\n".join(table["original"]).decode() == f"0,a\n{record}\n2,b"


def test_a_quote_that_takes_a_whole_book_is_never_closed(path: Path):
    path.write_text('uid,title\n1,"open\n' + "".join(f"{n},b{n}\n" for n in range(500)), "utf-8")
    assert len(find_kept(read(path, limits={"row_mb": 0.001}))) == 500


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('uid,"title', "line 1: the header cannot be read .not CSV"),
        ('\nuid,"title" s', "line 2: the header cannot be read .not CSV"),
    ],
)
def test_a_header_with_a_stray_quote_is_refused_with_its_line(path: Path, header: str, words: str):
    path.write_text(header + '\n1,a\n2,"b"\n', "utf-8")
    with pytest.raises(TunelineError, match=words):
        read(path)


@pytest.mark.parametrize(
    "first", ["", "\n", "\r\n", "\n \n", ",,\r\n", "sep=;\r\n", '"SEP=;"\n', "\n\nsep=;\n"]
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_is_above_the_header_is_no_row_and_lines_are_those_of_the_file(
    path: Path, first: str, mark: str
):
    end = "\r\n" if "\r" in first else "\n"
    path.write_bytes((mark + first + end.join(["uid;title", "1;a", "2;b", ""])).encode())
    start = first.count("\n") + 2
    assert find_kept(read(path)) == {start: "a", start + 1: "b"}


@pytest.mark.parametrize("size", [3, 8 << 20])
def test_lines_may_end_in_carriage_returns(path: Path, monkeypatch: pytest.MonkeyPatch, size: int):
    path.write_bytes(b'uid,title\r1,a\r2,"two\rlines"\r3,"line\nfeed"\r4,d')
    assert find_kept(read(path)) == {2: "a", 3: "two\nlines", 5: "line\nfeed", 7: "d"}
    path.write_bytes(b"uid,title\r\n1,a\r\n2,b\rc\r\n3,d\r\n")
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", size)
    assert find_kept(read(path)) == {2: "a", 4: "d"}


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ('uid,"title","a; long; note; here"\n1,a,b\n', "a"),
        ('"more; of; it",uid,title\n1,2,a\n', "a"),
        ("uid|title|a (b, c, d)\n1|a|b\n", "a"),
        ("uid;title;price, EUR\n1;a, b;3,5\n2;c;4,5\n", "a, b"),
        ("uid\ttitle\tprice, in EUR, net\n1\ta\t3,5\n", "a"),
    ],
)
def test_the_separator_is_not_what_is_in_the_names(path: Path, text: str, title: str):
    path.write_text(text, "utf-8")
    assert read(path)["title"][0] == title


@pytest.mark.parametrize("separator", ["", ";;", '"', "\n"])
def test_a_separator_that_is_none_is_refused(path: Path, separator: str):
    path.write_text("uid,title\n1,a\n", "utf-8")
    with pytest.raises(TunelineError, match=r"separator = .*not one character"):
        read(path, separator=separator)


CELLS = [
    "q",
    '"',
    '""',
    ",",
    "\n",
    "\r",
    "\r\n",
    "\t",
    ";",
    "é",
    "\x00",
    '",',
    '\n"',
    ",q\n",
    "\xff",
]
TEXTS = st.lists(st.sampled_from(CELLS), max_size=40).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=TEXTS, encoding=st.sampled_from(["utf-8", "latin-1", "big5", "cp1252", "shift_jis"]))
def test_every_line_is_in_one_row_whatever_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, body: str, encoding: str
):
    content = body.encode("utf-8" if encoding == "utf-8" else "latin-1")
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"uid,title\n1,a\n" + b"2,b\n" * 9 + content)
    try:
        table = read(path, encoding=encoding)
    except TunelineError as error:  # nearly all rows in another encoding
        assert "the file is not" in str(error)  # noqa: PT017
        return
    lines = [b"1,a", *[b"2,b"] * 9, *content.split(b"\n")]
    lines = lines if lines[-1] else lines[:-1]
    held = [original.split(b"\n") for original in table["original"]]
    assert sum(map(len, held)) == len(lines)
    starts = [1 + sum(map(len, held[:place])) for place in range(len(held))]
    assert table["line"].to_list() == [start + 1 for start in starts]
    if encoding == "utf-8":
        assert [line for lines in held for line in lines] == lines


@pytest.mark.parametrize(
    ("encoding", "good", "bad", "problem"),
    [
        ("big5", "深水", b"\x96\xf5", "not big5: byte 0x96 at 6"),
        ("cp1252", "café", b"\x9d", "not cp1252: byte 0x9d at 6"),
        ("cp1250", "kůň", b"\x81", "not cp1250: byte 0x81 at 5"),
        ("cp1253", "αβ", b"\xd2", "not cp1253: byte 0xd2 at 4"),
        ("shift_jis", "水", b"\xa0", "not shift_jis: byte 0xa0 at 4"),
        ("gb18030", "水", b"\xff", "not gb18030: byte 0xff at 4"),
        ("euc_kr", "물", b"\xff", "not euc_kr: byte 0xff at 4"),
        ("latin-1", "é", b"\x93", "not latin-1: byte 0x93 at 3 is a control character"),
        ("iso8859-2", "ů", b"\x8a", "not iso8859-2: byte 0x8a at 3 is a control character"),
        ("utf-8", "é", b"\xe9", "not UTF-8: byte 0xe9 at 4"),
        ("utf-8-sig", "é", b"\xe9", "not UTF-8: byte 0xe9 at 4"),
    ],
)
def test_a_byte_that_the_encoding_does_not_have_is_no_text(
    path: Path, encoding: str, good: str, bad: bytes, problem: str
):
    text = good.encode(encoding.removesuffix("-sig"))
    path.write_bytes(b"uid,title\n1," + text + b"\n2," + text + bad + b"\n3," + text + b"\n")
    table = read(path, encoding=encoding)
    assert table["title"].to_list() == [good, None, good]
    assert table["problem"].to_list() == [None, problem, None]
    shown = table["original"][1].decode("utf-8", "backslashreplace")
    assert shown == f"2,{good}" + "".join(f"\\x{byte:02x}" for byte in bad)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_unicode_is_read_in_every_form(path: Path, encoding: str):
    path.write_bytes("uid\ttitle\r\n1\t茶\r\n2\tb\r\n".encode(encoding))
    assert find_kept(read(path, encoding=encoding)) == {2: "茶", 3: "b"}


@pytest.mark.parametrize(("encoding", "inside"), [("utf-16", "utf-16-le"), ("utf-32", "cp1250")])
def test_two_byte_text_without_a_mark_is_named_by_its_order(path: Path, encoding: str, inside: str):
    text = "uid,title\n" + "1,Příliš žluťoučký kůň úpěl\n" * 50
    path.write_bytes(text.encode(inside))
    with pytest.raises(TunelineError, match=f"is not {encoding} with a mark") as refused:
        read(path, encoding=encoding)
    assert inside.replace("-", "_") in str(refused.value)


def test_half_a_character_at_the_end_of_utf16_is_no_text(path: Path):
    path.write_bytes("uid,title\n1,a\n2,b".encode("utf-16-le") + b"\x00\xd8")
    table = read(path, encoding="utf-16-le")
    assert table["problem"][1].startswith("not utf-16-le: byte 0x00 at 6")
    path.write_bytes("uid,title\n1,a\n2,b".encode("utf-16-le") + b"\x41")
    assert read(path, encoding="utf-16-le")["problem"][1].startswith("not utf-16-le: byte 0x41")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (
            "這裡叫深水埔，那裡叫銅鑼灣".encode("big5"),
            {},
            "the file is not UTF-8 but probably .*set `encoding: ",
        ),
        (b"\x93tea\x94", {"encoding": "latin-1"}, "not latin-1 but probably cp1252"),
        (b"tea\x96\xf5", {"encoding": "big5"}, "not big5 but probably big5hkscs"),
        (b"tea\x81", {"encoding": "cp1252"}, "not cp1252 nor any other encoding"),
        (b"tea", {"encoding": "big-6"}, "encoding = big-6: Python knows no encoding"),
        (b"tea", {"encoding": "base64"}, "Python knows no encoding of this name"),
    ],
)
def test_a_whole_file_in_another_encoding_is_refused_with_the_likely_one(
    path: Path, content: bytes, options: dict[str, str], words: str
):
    path.write_bytes(b"uid,title\n" + b"1," + content + b"\n" + (b"2," + content + b"\n") * 30)
    with pytest.raises(TunelineError, match=words):
        read(path, **options)


def test_a_header_in_another_encoding_is_no_misspelled_column(path: Path):
    path.write_bytes("uid;název\n1;a\n2;b\n".encode("cp1250"))
    with pytest.raises(TunelineError, match="the file is not UTF-8"):
        read(path)

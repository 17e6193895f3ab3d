import gzip
import json
from pathlib import Path

import fsspec
import polars as pl
import pytest

from tuneline.datasets import RawCSVDataset, RawJSONDataset, unpacking
from tuneline.errors import TunelineError
from tuneline.streaming import Fields

COLUMNS = ["uid", "title", "content"]
GOOD = json.dumps({"uid": "1", "title": "Tea pot", "content": "For tea.", "target_ind": [1]})


FIELDS = Fields("uid", ("title", "content"))
ROLES = Fields("line", ("system", "user", "assistant"))


def read(path: Path | str, fields: Fields = FIELDS, **options: str) -> pl.DataFrame:
    source = RawJSONDataset(filepath=str(path), **options).load()
    return pl.concat(source.map(fields, lambda table: table))


def pack(content: bytes) -> bytes:
    """Compress without the time, or a test would have another name in each process."""
    return gzip.compress(content, mtime=0)


def write(path: Path, *lines: str | bytes) -> Path:
    texts = [line if isinstance(line, bytes) else line.encode() for line in lines]
    path.write_bytes(gzip.compress(b"\n".join(texts) + b"\n"))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trn.json.gz"


def test_a_good_row_has_its_number_and_its_columns(path: Path):
    row = read(write(path, GOOD)).row(0, named=True)
    assert row == {
        "line": 1,
        "original": GOOD.encode(),
        "problem": None,
        "uid": "1",
        "title": "Tea pot",
        "content": "For tea.",
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"uid": "2", "title": "cut o', "not JSON"),
        ("", "empty line"),
        ("[1, 2]", "not a JSON object but list"),
        ('{"uid": "2", "title": "no content"}', "no field content"),
        ('{"uid": "2", "title": null, "content": "x"}', "title is not text but NoneType"),
        ('{"uid": "2", "title": 42, "content": "x"}', "title is not text but int"),
        ('{"uid": true, "title": "a", "content": "x"}', "uid is not text but bool"),
        (b'{"uid": "2", "title": "\xff", "content": "x"}', "not UTF-8: byte 0xff"),
    ],
)
def test_an_unreadable_row_keeps_its_text_and_says_why(path: Path, line: str | bytes, problem: str):
    table = read(write(path, GOOD, line, GOOD))
    assert table["line"].to_list() == [1, 2, 3]
    assert table["problem"][1].startswith(problem)
    assert table["original"][1] == (line.encode() if isinstance(line, str) else line)


def test_words_that_pandas_takes_for_missing_stay_words(path: Path):
    line = json.dumps({"uid": "NA", "title": "None", "content": "null"})
    assert read(write(path, line)).select(COLUMNS).row(0) == ("NA", "None", "null")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pack(b""), "the file is empty"),
        (pack(b"once upon a time\n"), "none of the first 1 lines is a row"),
        (b"plain text", "the content does not"),
        (pack(b'{"uid": "1"}\n' * 50_000)[:60], "ends too early"),
        (pack(b"[1, 2"), "begins as a list, but is no JSON"),
        (pack('{"uid": "1"}'.encode("utf-16")), "set `encoding: utf-16`"),
        (pack(b'{"uid": "1", "titel": "a", "content": "b"}\n'), "did you mean `titel`"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(path: Path, content: bytes, words: str):
    path.write_bytes(content)
    with pytest.raises(TunelineError, match=words):
        read(path)


def test_a_row_of_another_schema_names_every_missing_field(path: Path):
    write(path, '{"id": 1, "name": "x"}')
    with pytest.raises(TunelineError) as error:
        read(path)
    assert len(error.value.problems) == 3


def test_a_number_identifies_a_row(path: Path):
    assert read(write(path, '{"uid": 7, "title": "a", "content": "b"}'))["uid"].to_list() == ["7"]


def test_raw_data_is_never_written(path: Path):
    with pytest.raises(TunelineError, match="raw data never changes"):
        RawJSONDataset(filepath=str(path)).save([])


CONVERSATION = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    {"role": "assistant", "content": "a"},
]


@pytest.mark.parametrize(
    "document",
    [
        [{"messages": CONVERSATION}] * 3,
        {"conversations": [{"messages": CONVERSATION}] * 3},
        {"conversations": [CONVERSATION] * 3},
        {"messages": CONVERSATION * 3},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_all_conversations_of_one_document_are_read_whatever_its_shape(
    tmp_path: Path, document: object, indent: int | None
):
    path = tmp_path / "personas.jsonl"
    path.write_text(json.dumps(document, indent=indent), "utf-8")
    table = read(path, ROLES)
    assert table.select(ROLES.columns).rows() == [("s", "u", "a")] * 3
    assert table["line"].to_list() == [1, 2, 3]


def test_one_conversation_on_each_line_is_read(tmp_path: Path):
    path = tmp_path / "personas.jsonl"
    path.write_text(json.dumps({"messages": CONVERSATION}) + "\n", "utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"messages": CONVERSATION}) + "\n")
    assert read(path, ROLES)["assistant"].to_list() == ["a", "a"]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([*CONVERSATION, CONVERSATION[1]], "messages have more than one user"),
        (
            [CONVERSATION[1], {"role": "assistant", "content": "So.", "weight": 0}],
            "message 2 has weight 0: its answer is not to be learned",
        ),
        ([{"role": "tool", "content": "x"}], "message 1 has no role of"),
        ([{"role": "user", "content": ["x"]}], "message 1 has no content that is text"),
        (CONVERSATION[:2], "no field assistant"),
        ([CONVERSATION[2], CONVERSATION[1]], "messages are not in the order"),
    ],
)
def test_a_conversation_of_another_shape_is_rejected_not_cut(
    tmp_path: Path, messages: list, problem: str
):
    path = tmp_path / "personas.jsonl"
    rows = [{"messages": CONVERSATION}, {"messages": messages}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert read(path, ROLES)["problem"][1].startswith(problem)


def test_a_list_of_rows_keeps_the_odd_ones_as_rejected(tmp_path: Path):
    path = tmp_path / "rows.json"
    path.write_text(f'[{GOOD},\n7, "text", null]', "utf-8")
    problems = read(path)["problem"].to_list()
    assert problems == [
        None,
        *(f"not a JSON object but {kind}" for kind in ("int", "str", "NoneType")),
    ]


def test_a_broken_first_line_does_not_make_a_document_of_lines(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"uid": "1", "title": "cut\n' + f"{GOOD}\n{GOOD}\n", "utf-8")
    assert read(path)["problem"].is_null().to_list() == [False, True, True]


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_lines_are_whole_wherever_the_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(unpacking, "CHUNK_BYTES", size)
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{GOOD}\n\n{GOOD}\r\n{GOOD}", "utf-8")
    table = read(path)
    assert table["line"].to_list() == [1, 2, 3, 4]
    assert table["problem"].to_list() == [None, "empty line", None, None]


@pytest.mark.parametrize("ending", ["gz", "zst", "bz2", "xz"])
def test_a_compressed_file_is_read_and_one_that_is_cut_off_refused(tmp_path: Path, ending: str):
    import bz2
    import lzma

    import zstandard

    packers = {"gz": pack, "zst": zstandard.compress, "bz2": bz2.compress}
    path = tmp_path / f"rows.jsonl.{ending}"
    packed = packers.get(ending, lzma.compress)((GOOD + "\n").encode() * 2)
    path.write_bytes(packed * 2)
    assert read(path).height == 4
    path.write_bytes(packed[:-6])
    with pytest.raises(TunelineError, match="ends too early or is damaged"):
        read(path)


def test_a_file_lies_at_any_address():
    fsspec.filesystem("memory").pipe("/rows.jsonl.gz", gzip.compress(GOOD.encode()))
    dataset = RawJSONDataset(filepath="memory://rows.jsonl.gz")
    assert dataset.exists()
    assert read("memory://rows.jsonl.gz")["title"].to_list() == ["Tea pot"]


def test_another_encoding_can_be_named(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(GOOD.replace("Tea", "Čaj").encode("cp1250"))
    assert read(path, encoding="cp1250")["title"].to_list() == ["Čaj pot"]


def test_what_goes_with_a_row_may_be_a_list_or_be_missing(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    rows = [{"id": 1, "text": "a", "terms": ["VOC", "70–90 %"]}, {"id": 2, "text": "b"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    table = read(path, Fields("id", ("text",), ("terms",)))
    assert table["terms"].to_list() == ["VOC; 70–90 %", None]
    assert table["problem"].null_count() == 2


def test_no_list_of_an_object_is_left_out(tmp_path: Path):
    path = tmp_path / "rows.json"
    path.write_text(f'{{"first": [{GOOD}], "second": [{GOOD}, {{"other": 1}}]}}', "utf-8")
    assert read(path)["problem"].to_list() == [None, None, "no field uid"]


@pytest.mark.parametrize("rows", [[{"name": "Pot", "text": "Hot"}], [{"name": "Pot", "n": 1}]])
def test_of_rows_with_other_fields_the_fields_are_named(tmp_path: Path, rows: list[object]):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows), "utf-8")
    with pytest.raises(TunelineError, match="uid") as refused:
        read(path)
    assert "name" in str(refused.value)
    assert "without the names" not in str(refused.value)


TABLE = [
    {"uid": "1", "title": "Pot", "content": "Hot"},
    {"uid": "2", "title": "Cup", "content": ""},
]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            {name: {str(n): row[name] for n, row in enumerate(TABLE)} for name in COLUMNS},
            'columns, not rows; .*orient="records" instead of orient="columns"',
        ),
        ({name: [row[name] for row in TABLE] for name in COLUMNS}, 'columns.* of orient="list"'),
        ({"columns": COLUMNS, "index": [0], "data": [["1", "Pot", "Hot"]]}, 'of orient="split"'),
        ([list(row.values()) for row in TABLE], 'without the names .*of orient="values"'),
        ({str(n): row for n, row in enumerate(TABLE)}, 'rows under the names .*of orient="index"'),
        ({"first": TABLE[0], "second": TABLE[1]}, 'rows under the names .*of orient="index"'),
        ({"name": {"0": "a"}, "text": {"0": "b"}}, 'columns.* of orient="columns"'),
        ({"result": {"rows": TABLE}}, "objects inside of an object, not a list of rows"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_document_that_holds_no_rows_is_refused_with_what_it_holds(
    tmp_path: Path, document: object, words: str, indent: int | None
):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(document, indent=indent), "utf-8")
    with pytest.raises(TunelineError, match=words):
        read(path)


def test_rows_with_a_schema_are_rows(tmp_path: Path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"schema": {"fields": []}, "data": TABLE}), "utf-8")
    assert read(path)["title"].to_list() == ["Pot", "Cup"]


@pytest.mark.parametrize("one", ["list", "lines", "object"])
@pytest.mark.parametrize("number", [2**63, 2**64, 10**30 + 7, -(10**25), 0])
def test_a_whole_number_of_any_length_identifies_a_row(tmp_path: Path, one: str, number: int):
    rows = [f'{{"uid": {number}, "title": "a", "content": "b"}}'] * 2
    texts = {
        "list": f"[{','.join(rows)}]",
        "lines": "\n".join(rows),
        "object": f'{{"x": [{rows[0]}]}}',
    }
    path = tmp_path / "rows.json"
    path.write_text(texts[one], "utf-8")
    table = read(path)
    assert set(table["uid"]) == {str(number)}
    assert str(number).encode() in table["original"][0]


@pytest.mark.parametrize("one", ["list", "lines"])
def test_what_python_writes_for_a_missing_number_costs_no_other_field(tmp_path: Path, one: str):
    rows = [
        '{"uid": "1", "title": "NaN", "content": "a \\" NaN", "price": NaN}',
        '{"uid": "2", "title": "a", "content": NaN, "price": -Infinity}',
    ]
    path = tmp_path / "rows.json"
    path.write_text(f"[{','.join(rows)}]" if one == "list" else "\n".join(rows), "utf-8")
    table = read(path)
    assert table["content"].to_list() == ['a " NaN', None]
    assert table["title"][0] == "NaN"
    assert table["problem"][1].startswith("content is not text but NoneType")
    assert one == "list" or table["problem"][1].endswith("written as NaN")


@pytest.mark.parametrize("ends", ["\r", "\r\n"])
def test_lines_of_json_may_end_in_carriage_returns(tmp_path: Path, ends: str):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ends.join([GOOD] * 3).encode())
    assert read(path)["problem"].null_count() == 3


@pytest.mark.parametrize("name", ["part-*.jsonl", ""])
def test_files_are_read_in_the_order_of_their_names(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
):
    for number in (10, 2, 1):
        lines = [
            json.dumps({"uid": str(number), "title": str(n), "content": "x"}) for n in range(2)
        ]
        (tmp_path / f"part-{number:02}.jsonl").write_text("\n".join([*lines, "[", ""]), "utf-8")
    (tmp_path / ".part-03.jsonl").write_text("{}", "utf-8")
    (tmp_path / "part-04.jsonl").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    with caplog.at_level("INFO"):
        source = RawJSONDataset(filepath=str(tmp_path / name))
        assert source.exists()
        rows = source.load()
        table = pl.concat(rows.map(FIELDS, lambda table: table))
    assert table["line"].to_list() == list(range(1, 10))
    assert table["uid"].drop_nulls().to_list() == ["1", "1", "2", "2", "10", "10"]
    assert table["_source"].to_list() == [
        f"part-{part}.jsonl:{line}" for part in ("01", "02", "10") for line in (1, 2, 3)
    ]
    assert rows.files == {
        f"part-{n}.jsonl": m for n, m in zip(("01", "02", "04", "10"), (0, 3, 6, 6), strict=True)
    }
    assert "part-01.jsonl, part-02.jsonl, part-04.jsonl, part-10.jsonl" in caplog.text
    assert name or "passed over: .part-03.jsonl, folder/, notes.txt" in caplog.text
    assert "part-04.jsonl: passed over: it is empty" in caplog.text


def test_a_folder_of_csv_files_keeps_lines_and_columns_apart(tmp_path: Path):
    (tmp_path / "a.csv").write_text('uid,title,content\n1,"two\nlines",x\n2,b,c,d\n', "utf-8")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"content;title;uid\nc;t;3\n"))
    source = RawCSVDataset(filepath=str(tmp_path)).load()
    table = pl.concat(source.map(FIELDS, lambda table: table))
    assert table["line"].to_list() == [2, 4, 6]
    assert table["_source"].to_list() == ["a.csv:2", "a.csv:4", "b.csv.gz:2"]
    assert table["title"].to_list() == ["two\nlines", None, "t"]


@pytest.mark.parametrize("names", [[], ["notes.docx"], [".rows.jsonl"]])
def test_a_folder_without_rows_is_refused(tmp_path: Path, names: list[str]):
    for name in names:
        (tmp_path / name).write_text(GOOD, "utf-8")
    with pytest.raises(TunelineError, match=r"no file that can be read \(.json, .jsonl, .ndjson"):
        read(tmp_path)


def test_files_that_are_all_empty_are_refused(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes(b"")
    (tmp_path / "b.jsonl").write_bytes(b"\n")
    with pytest.raises(TunelineError, match="the file is empty"):
        read(tmp_path)


CARRIED = {
    "category": ("category", True),
    "categry": ("category", True),
    "levl": ("level", False),
    "key_term": ("key_terms", False),
}


@pytest.mark.parametrize("name", CARRIED)
@pytest.mark.parametrize("kind", ["rows.jsonl", "rows.json", "rows.csv"])
def test_a_misspelled_column_that_only_goes_along_is_refused(tmp_path: Path, name: str, kind: str):
    right, divides = CARRIED[name]
    row = {"uid": "1", "title": "a", "content": "b", "kind": "c", "level": "d", "key_terms": "e"}
    row |= {"category": "f"} if name != "category" else {}
    path = tmp_path / kind
    if kind == "rows.csv":
        path.write_text(",".join(row) + "\n" + ",".join(row.values()), "utf-8")
    else:
        path.write_text(json.dumps([row, row]) if kind == "rows.json" else json.dumps(row), "utf-8")
    fields = Fields("uid", ("title", "content"), (name,), name if divides else None)
    dataset = (RawCSVDataset if kind == "rows.csv" else RawJSONDataset)(filepath=str(path))
    words = f"no row has the field `{name}`; it would be empty in every row"
    words += "" if name == right else f"; did you mean `{right}`"
    with pytest.raises(TunelineError, match=words):
        list(dataset.load().map(fields, lambda table: table))


def test_a_slice_that_no_row_has_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "rows.jsonl"
    path.write_text(GOOD, "utf-8")
    table = read(path, Fields("uid", ("title",), ("level",)))
    assert table["level"].to_list() == [None]
    assert "no row has the field `level`" in caplog.text


def test_a_missing_id_is_answered_with_what_works(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"title": "a", "content": "b"}\n' * 2, "utf-8")
    with pytest.raises(TunelineError, match=r"no row has the field `uid`.* set `data.id: line`"):
        read(path)
    assert read(path, Fields("line", ("title", "content")))["problem"].null_count() == 2


@pytest.mark.parametrize("encoding", ["cp1250", "big5", "utf-16"])
def test_json_in_another_encoding_is_refused_with_the_likely_one(tmp_path: Path, encoding: str):
    text = {"big5": "這裡叫深水埔，那裡叫銅鑼灣"}.get(encoding, "Příliš žluťoučký kůň úpěl ódy")
    path = tmp_path / "rows.jsonl"
    row = json.dumps({"uid": "1", "title": text, "content": text}, ensure_ascii=False)
    path.write_bytes(
        f"{row}\n".encode(encoding) if encoding != "utf-16" else f"{row}\n{row}".encode(encoding)
    )
    with pytest.raises(TunelineError, match=f"probably {encoding}"):
        read(path)
    assert read(path, encoding=encoding)["title"][0] == text


def test_a_foreign_byte_costs_its_line_of_json_only(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes("\n".join([GOOD] * 3).encode().replace(b"Tea", b"T\x9d", 1))
    table = read(path, encoding="cp1252")
    assert table["problem"].to_list()[1:] == [None, None]
    assert table["problem"][0].startswith("not cp1252: byte 0x9d at ")
    assert "T\\x9d pot" in table["original"][0].decode()

"""What is found at a path, and one clear sentence for what makes no use case."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import yaml
from docx import Document
from openpyxl import Workbook

from tests.commands import kedro
from tests.datasets.pdfs import write_pdf
from tests.new_use_case.making import guess
from tuneline.errors import TunelineError
from tuneline.new_use_case.draft import Options, make_draft
from tuneline.new_use_case.files import render_files
from tuneline.new_use_case.preview import make_preview, show_preview
from tuneline.new_use_case.sources import find_source

ROWS = [(f"How many leaves has tea {number}?", f"Tea {number} has many.") for number in range(9)]


def write_sheet(path: Path, rows: list[tuple[str, ...]]) -> None:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def write_texts(folder: Path, texts: dict[str, str | bytes]) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "one column": ("a.csv", lambda path: path.write_bytes(csv("text", "a b", "c")), "only the col"),
    "one column of JSON": (
        "a.jsonl",
        lambda path: path.write_bytes(b'{"text": "a"}\n{"text": "b"}'),
        "only the column `text`",
    ),
    "no header": (
        "a.csv",
        lambda path: path.write_bytes(csv(*(f"{asked},{said}" for asked, said in ROWS))),
        "names no columns",
    ),
    "no header in a sheet": ("a.xlsx", lambda path: write_sheet(path, ROWS), "names no columns"),
    "two columns of one name": (
        "a.csv",
        lambda path: path.write_bytes(csv("text,text", "a b,c", "d,e")),
        "two columns have this name",
    ),
    "no text": (
        "a.csv",
        lambda path: path.write_bytes(csv("question,answer", "1,2", "3,4")),
        "no cell holds a letter",
    ),
    "an empty sheet": ("a.xlsx", lambda path: write_sheet(path, []), "the sheet `Sheet` is empty"),
    "one row": (
        "a.csv",
        lambda path: path.write_bytes(csv("question,answer", "What?,That is it.")),
        "it gives 1 example",
    ),
    "a binary file": (
        "a.csv",
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0"),
        "is not UTF-8 nor any other",
    ),
    "a picture": ("a.png", lambda path: path.write_bytes(b"\x89PNG"), "does not end as that of"),
    "a scanned PDF": ("a", lambda path: write_texts(path, {"a.pdf": write_pdf([])}), "a scanned"),
    "mixed kinds": (
        "a",
        lambda path: write_texts(path, {"a.txt": "a", "b.csv": "a,b", "c.xlsx": "x"}),
        "holds 1 .txt, 1 .csv, 1 .xlsx, which are read in different ways",
    ),
    "a document alone": ("a.docx", lambda path: path.write_bytes(b"PK"), "a single document"),
    "no headings": (
        "a",
        lambda path: write_texts(path, {"a.txt": "One sentence.\nAnother sentence."}),
        "it holds 1 document that can be read",
    ),
    "an empty folder": ("a", lambda path: path.mkdir(), "holds no file that can be read"),
    "nothing": ("a.csv", lambda path: None, "there is no such file or folder"),
    "no Parquet": ("a.parquet", lambda path: path.write_bytes(b"PAR1xx"), "no Parquet file"),
    "columns of a table": (
        "a.json",
        lambda path: path.write_text(json.dumps({"q": {"0": "What?"}, "a": {"0": "That."}})),
        'holds columns, not rows; .*instead of orient="columns"',
    ),
    "rows under names": (
        "a.json",
        lambda path: path.write_text(json.dumps({"first": {"q": "What?", "a": "That."}})),
        "holds rows under the names of an index",
    ),
    "cells apart from names": (
        "a.json",
        lambda path: path.write_text(json.dumps({"columns": ["q", "a"], "data": [["What?", "-"]]})),
        "the names of the columns apart from their values",
    ),
    "texts inside of objects": (
        "a.json",
        lambda path: path.write_text(json.dumps([{"q": {"text": "What?"}, "a": ["That."]}] * 9)),
        "no column with a name and with text.*in JSON into two fields",
    ),
    "quotes after backslashes": (
        "a.csv",
        lambda path: path.write_bytes(
            csv("question,answer", *['What?,"So \\"it\\", and so."'] * 9)
        ),
        r"no row that can be read \(line 2: ",
    ),
    "objects of several lines": (
        "a.json",
        lambda path: path.write_text("\n".join([json.dumps({"q": "a", "a": "b"}, indent=1)] * 9)),
        "in JSON an object for each row, one a line or all in one list",
    ),
    "no rows": ("a.json", lambda path: path.write_bytes(b"[1, 2]"), "no row that can be read"),
    "an empty object": ("a.json", lambda path: path.write_bytes(b"{}"), "it has no column"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_nothing_is_written(project: Path, tmp_path: Path, case: str):
    name, write, wrong = BAD[case]
    write(tmp_path / name)
    before = sorted(project.rglob("*"))
    with pytest.raises(TunelineError, match=wrong) as refused:
        make_preview(make_draft("shop", find_source(tmp_path / name), Options()), project)
    assert len(refused.value.problems) == 1
    assert sorted(project.rglob("*")) == before


def test_documents_without_headings_have_questions_written_about_them(
    project: Path, tmp_path: Path
):
    thing = "A {0} is a small vessel for tea. It is washed by hand, the {0} above all."
    named = {f"{one}.txt": thing.format(one) for one in ("cup", "mug", "bowl")}
    write_texts(tmp_path / "a", named)
    draft = make_draft("shop", find_source(tmp_path / "a"), Options())
    preview = make_preview(draft, project)
    assert draft.source.is_asked
    assert "`provider: server`" in preview.notes[0]
    shown = "".join(text for _, text in preview.rows[1].pieces)
    assert "What is meant by “bowl”?" in shown
    stated = yaml.safe_load(render_files(draft)[Path("conf/base/shop/parameters.yml")])["shop"]
    assert stated["synthesize"] == {"provider": "offline", "documents": {}}
    assert stated["data"]["split"]["group"] == "document"


def test_questions_are_written_about_documents_alone(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(csv("question,answer", "What?,That is it."))
    with pytest.raises(TunelineError, match=r"--write-questions: a\.csv is no folder"):
        find_source(tmp_path / "a.csv", is_asked=True)


def test_the_command_says_the_sentence(project: Path, tmp_path: Path):
    write_sheet(tmp_path / "a.xlsx", [])
    done = kedro(project, "new-use-case", "shop", str(tmp_path / "a.xlsx"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "the sheet `Sheet` is empty" in done.stderr
    assert not list(project.glob("*/*/shop"))


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
        ("utf-16", "Příliš žluťoučký kůň"),
        ("utf-8", "水"),
    ],
)
def test_the_encoding_is_found_and_stated(tmp_path: Path, encoding: str, text: str):
    lines = ["otázka;odpověď", *(f"{text} {number};{text}, {text}" for number in range(40))]
    (tmp_path / "a.csv").write_bytes("\n".join(lines).encode(encoding))
    source = find_source(tmp_path / "a.csv")
    assert source.options == ({} if encoding == "utf-8" else {"encoding": encoding})
    assert f"encoding {encoding}" in source.found
    assert source.rows.rows()[0] == (f"{text} 0", f"{text}, {text}")


@pytest.mark.parametrize(
    ("row", "found", "asked"),
    [
        (lambda q, a: {"messages": say("role", "content", q, a)}, "OpenAI messages", "user"),
        (lambda q, a: {"conversations": say("from", "value", q, a)}, "ShareGPT", "user"),
        (lambda q, a: {"instruction": q, "input": "x", "output": a}, "alpaca", "user"),
        (lambda q, a: {"instruction": q, "input": "", "output": a}, "an object", "instruction"),
        (lambda q, a: {"prompt": q, "completion": a, "score": 3}, "an object", "prompt"),
    ],
)
@pytest.mark.parametrize("kind", ["json", "jsonl", "parquet"])
def test_formats_of_conversations_are_told_apart(
    tmp_path: Path, row: Callable[[str, str], dict], found: str, asked: str, kind: str
):
    rows, path = [row(*one) for one in ROWS], tmp_path / f"a.{kind}"
    if kind == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        text = json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows))
        path.write_text(text)
    source = find_source(path)
    assert found in source.found
    assert guess(path).question == asked
    preview = make_preview(make_draft("shop", source, Options()), tmp_path)
    assert (preview.kept, preview.rejected) == (len(ROWS), [])


def say(role: str, content: str, asked: str, answered: str) -> list[dict[str, str]]:
    names = ("human", "gpt") if role == "from" else ("user", "assistant")
    said = zip(names, (asked, answered), strict=True)
    return [{role: name, content: text} for name, text in said]


def test_two_headings_that_all_documents_have_are_parts(tmp_path: Path):
    texts = {f"{n}.md": f"# Request\nBuild {n}.\n# Our offer\nWe build {n}." for n in range(4)}
    write_texts(tmp_path / "a", texts)
    draft = make_draft("shop", find_source(tmp_path / "a"), Options())
    assert (draft.prompt, draft.completion) == ("{request}", "{our_offer}")
    assert make_preview(draft, tmp_path).kept == 4


def test_another_sheet_and_other_columns_are_named_by_options(tmp_path: Path):
    book = Workbook()
    sheet = book.create_sheet("Other")
    for row in (("q", "note", "a"), *((asked, "-x", said) for asked, said in ROWS)):
        sheet.append(row)
        book.active.append((*row[::-1],))
    book.save(tmp_path / "a.xlsx")
    assert find_source(tmp_path / "a.xlsx").options["sheet"] == "Sheet"
    source = find_source(tmp_path / "a.xlsx", "Other")
    assert source.rows.columns == ["q", "note", "a"]
    draft = make_draft("shop", source, Options(prompt_column="a", answer_column="q"))
    assert (draft.prompt, draft.completion) == ("{a}", "{q}")
    with pytest.raises(TunelineError, match=r"--sheet = Othr: .* did you mean `Other`"):
        find_source(tmp_path / "a.xlsx", "Othr")
    with pytest.raises(TunelineError, match=r"--prompt-column = b: no column with text"):
        make_draft("shop", source, Options(prompt_column="b"))


def test_without_a_tokenizer_lengths_are_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # where no base model is
    monkeypatch.setattr("tuneline.new_use_case.draft.Draft.is_english", False)
    (tmp_path / "a.csv").write_bytes(csv("question,answer", *(",".join(one) for one in ROWS)))
    preview = make_preview(make_draft("shop", find_source(tmp_path / "a.csv"), Options()), tmp_path)
    assert (preview.unit, preview.rows[0].asked, preview.rows[0].answered) == ("words", 6, 4)
    assert "is not on this machine" in preview.describe_lengths()


def test_of_a_file_that_is_read_ahead_only_the_first_rows_are_judged(tmp_path: Path):
    rows = [f"What is tea {number}?,{'It is a tea. ' * 25}{number}" for number in range(30_000)]
    (tmp_path / "a.csv").write_bytes(csv("question,answer", *rows))
    preview = make_preview(make_draft("shop", find_source(tmp_path / "a.csv"), Options()), tmp_path)
    assert 20_000 <= preview.judged < 30_000
    assert preview.describe_rejected() == f"none of the first {preview.judged:,} rows"


@pytest.mark.parametrize(
    ("order", "english"),
    [("Please send 3 blue tea pots by Monday", True), ("Prosíme o 3 modré čajové konvice", False)],
)
def test_where_answers_are_codes_the_questions_tell_the_language(
    tmp_path: Path, order: str, english: bool
):
    orders = [f'"{order}, {n} cm",TPT-BLU-{n:03}-3' for n in range(40)]
    (tmp_path / "a.csv").write_bytes(csv("question,answer", *orders))
    draft = make_draft("orders", find_source(tmp_path / "a.csv"), Options())
    assert draft.is_english == english


def test_the_page_for_a_notebook_escapes_what_others_wrote(tmp_path: Path):
    rows = (f"&lt;script&gt; {asked},&lt;b&gt;{said}" for asked, said in ROWS)
    (tmp_path / "a.csv").write_bytes(csv("question,answer <i>", *rows))
    page = show_preview(tmp_path / "a.csv", system="You <u>sell</u>.")
    assert "&lt;script&gt; How many leaves has tea 0?" in page
    assert "You &lt;u&gt;sell&lt;/u&gt;." in page
    assert not any(tag in page for tag in ("<script", "<i>", "<u>", "<b>Tea", "http"))


def test_documents_of_word_have_their_own_headings(tmp_path: Path):
    document = Document()
    document.add_heading("Black", 1)
    document.add_heading("Water", 2)
    document.add_paragraph("Boil it.")
    document.add_heading("Green", 1)
    document.add_heading("Water", 2)
    document.add_paragraph("About 75 degrees.")
    document.add_paragraph("Short line")
    (tmp_path / "a").mkdir()
    document.save(str(tmp_path / "a/tea.docx"))
    rows = find_source(tmp_path / "a").rows
    assert rows["heading"].to_list() == ["Black: Water", "Green: Water"]
    assert rows["section"].to_list() == ["Boil it.", "About 75 degrees.\nShort line"]

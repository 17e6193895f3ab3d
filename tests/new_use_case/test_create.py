"""A use case of one's own needs a CSV file and no Python."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
import zstandard
from click.testing import CliRunner
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import run
from tests.new_use_case.making import create_use_case, guess, write_csv
from tuneline.cli import cli
from tuneline.errors import TunelineError
from tuneline.pipeline_registry import register_pipelines
from tuneline.use_cases import list_use_cases

pytestmark = pytest.mark.slow


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Give a file as an expert might keep it."""
    return write_csv(tmp_path / "shop.csv")


def test_a_use_case_made_from_a_csv_is_found_by_itself_and_runs(project: Path, table: Path):
    bootstrap_project(project)
    done = CliRunner().invoke(cli, ["new-use-case", "corner_shop", str(table)])
    assert done.exit_code == 0, done.output
    assert "corner_shop" in list_use_cases()
    assert {"corner_shop", "all"} <= register_pipelines().keys()
    assert (project / "conf/laptop/corner_shop/parameters.yml").is_file()
    run(project, "corner_shop")
    assert "</html>" in (project / "data/test/08_reporting/corner_shop/report.html").read_text()


def test_columns_are_told_apart_by_name_and_length(table: Path):
    found = guess(table)
    assert (found.id, found.question, found.answer) == ("ID", "title", "text")
    assert found.category == "aisle"


def test_raw_data_is_copied_and_left_where_it_is(project: Path, table: Path):
    create_use_case("corner_shop", table, project, register_pipelines())
    assert (project / "data/01_raw/corner_shop/shop.csv").read_bytes() == table.read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "product_descriptions",  # another use case
        "train",
        "merge",
        "overview",
        "hardware",  # a block of parameters
        "storage",
        "question",
        "colab_free",
        "catalog_of_seeds",  # Kedro would read its parameters as datasets
        "Corner shop",
        "../shop",
        "",
    ],
)
def test_a_name_that_is_taken_or_no_name_writes_nothing(project: Path, table: Path, name: str):
    before = sorted(project.rglob("*"))
    with pytest.raises(TunelineError, match="nothing was written"):
        create_use_case(name, table, project, register_pipelines())
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(("name", "other"), [("train", "my_train"), ("Tea shop", "tea_shop")])
def test_the_name_that_is_proposed_can_be_taken(project: Path, table: Path, name: str, other: str):
    with pytest.raises(TunelineError, match=f"such as `{other}`"):
        create_use_case(name, table, project, register_pipelines())
    assert create_use_case(other, table, project, register_pipelines())


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"", "the file is empty"),
        (b"question,answer\n", "no row"),
        (b"question,answer\n1,2,3\n", "no row"),
        (b"question\n1\n", "at least two columns"),
        (b"question,,\n1,2,3\n", "at least two columns"),
        (b"topic,text,text\na,bb,cc\n", "two columns have this name"),
        (b"question,the answer: long\n1,two\n", "rename the column"),
        (b"0,1\nWhat is it?,It is tea.\n", "the first line is a row like those below it"),
        (b"0,answer\nWhat is it?,It is tea.\n", "a number, which templates take for a place"),
        ("question,１\nWhat is it?,It is tea.\n".encode(), "name is a number"),
        (b"question,a.b\n1,two\n", "holds one of the signs"),
        (b"question,a[0]\n1,two\n", "holds one of the signs"),
        (b"question,{x}\n1,two\n", "holds one of the signs"),
        (b'question,"answer\nHot?,Yes\nCold?,"No"\n', "line 1: the header cannot be read"),
        (b"PK\x03\x04\x14\x00", "the content is no text but a ZIP file, as workbooks"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "no text but an old workbook"),
        (b"\x1f\x8b\x08\x00", "no text but compressed with gzip"),
        (b"%PDF-1.7\n", "no text but a PDF"),
        (b"\xef\xbb\xbf \r\n", "the file is empty"),
        (b'question,"the ""answer"""\n1,two\n', "rename the column"),
        (b"problem,solution\n1,two\n", "Tuneline writes a column of that name itself"),
    ],
)
def test_a_file_that_makes_no_use_case_is_refused(tmp_path: Path, content: bytes, wrong: str):
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(TunelineError, match=wrong):
        guess(path)


def test_a_column_that_no_prompt_needs_may_have_any_name(tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text('No.,"size 5""",reason,question,answer\n1,2,-,What is it?,It is a long text.\n')
    found = guess(path)
    assert (found.question, found.answer) == ("question", "answer")


def test_of_columns_alike_the_last_is_the_answer(tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text("question,answer\nab,cd\n")
    assert (guess(path).question, guess(path).answer) == ("question", "answer")


def test_names_of_columns_with_line_ends_are_names_in_one_line(project: Path, tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text('"the\nnote",question,"long\nanswer"\n-,When?,In the morning.\n')
    assert guess(path).answer == "long answer"
    create_use_case("tea_shop", path, project, register_pipelines())
    assert yaml.safe_load((project / "conf/base/tea_shop/parameters.yml").read_text())


def test_files_that_are_there_already_are_not_written_over(project: Path, table: Path):
    kept = project / "data/01_raw/corner_shop/shop.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(TunelineError, match="such a file already"):
        create_use_case("corner_shop", table, project, register_pipelines())
    assert kept.read_text() == "mine"
    assert not (project / "conf/base/corner_shop").exists()


def test_a_command_that_was_killed_between_two_files_goes_on(project: Path, table: Path):
    made = create_use_case("shop", table, project, {})
    whole = {path: (project / path).read_bytes() for path in made}
    for count in range(len(made)):  # in the order in which they are written: the raw file first
        for path in (made[-1], *made[:-1])[count:]:
            (project / path).unlink()
        assert create_use_case("shop", table, project, {}) == made
        assert {path: (project / path).read_bytes() for path in made} == whole
        assert not list(project.rglob("*.partial"))
    assert made[-2] == Path("conf/base/shop/parameters.yml")  # by which a use case is known


def test_the_command_works_from_any_folder_of_the_project(
    project: Path, table: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project / "conf/base")
    done = CliRunner().invoke(cli, ["new-use-case", "tea_shop", str(table)])
    assert done.exit_code == 0, done.output
    assert (project / "conf/base/tea_shop/parameters.yml").is_file()


TEA = ["What is it?,Tea that was dried.", "Is it hot?,Yes it is.", "Why tea?,It tastes of hay."]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("tea.csv.gz", gzip.compress),
        ("tea.csv.bz2", bz2.compress),
        ("tea.csv.xz", lzma.compress),
        ("tea.csv.zst", zstandard.compress),
        ("tea.csv.zip", lambda text: make_zip({"tea.csv": text, "__MACOSX/._tea.csv": b"x"})),
    ],
)
def test_a_compressed_file_is_read_or_refused_in_a_sentence(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
):
    path, text = tmp_path / name, "\n".join(["question,answer", *TEA * 50]).encode()
    path.write_bytes(pack(text))
    assert guess(path).answer == "answer"
    path.write_bytes(text)
    with pytest.raises(TunelineError, match=r"the name says .*, the content does not"):
        guess(path)
    path.write_bytes(pack(text)[:-20])
    with pytest.raises(TunelineError, match="ends too early or is damaged"):
        guess(path)


def make_zip(files: dict[str, bytes], flag: int = 0) -> bytes:
    with zipfile.ZipFile(packed := io.BytesIO(), "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
            archive.filelist[-1].flag_bits |= flag
    return packed.getvalue()


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (
            make_zip({"one.csv": b"a,b", "two.csv": b"a,b"}),
            r"2 files in the archive \(one.csv, two",
        ),
        (make_zip({}), "0 files in the archive"),
        (make_zip({"folder/": b""}), "0 files in the archive"),
        (make_zip({"one.csv": b"a,b"}, flag=1), "protected by a password"),
    ],
)
def test_an_archive_holds_one_file_that_anybody_can_read(tmp_path: Path, packed: bytes, words: str):
    path = tmp_path / "tea.csv.zip"
    path.write_bytes(packed)
    with pytest.raises(TunelineError, match=words):
        guess(path)


@pytest.mark.parametrize(
    ("header", "question", "answer"),
    [
        ("question,answer", "question", "answer"),
        ("answer,question", "question", "answer"),
        ("Completion,PROMPT", "PROMPT", "Completion"),
        ("output,instruction,input", "instruction", "output"),
        ("response,input", "input", "response"),
        ("description,title", "title", "description"),
        ("odpověď,otázka", "otázka", "odpověď"),
        ("ODPOVED,Otazka", "Otazka", "ODPOVED"),
        ("Antwort,Frage", "Frage", "Antwort"),
        ("réponse,question", "question", "réponse"),
        ("respuesta,pregunta", "pregunta", "respuesta"),
        ("resposta,pergunta", "pergunta", "resposta"),
        ("descrição,título", "título", "descrição"),
        ("răspuns,întrebare", "întrebare", "răspuns"),
        ("答案,問題", "問題", "答案"),
        ("回答,问题", "问题", "回答"),
        ("expected_answer,the question", "the question", "expected_answer"),
        ("answer_en,question_en", "question_en", "answer_en"),
        ("comment,answer,question", "question", "answer"),
        ("reply,words", "words", "reply"),
        ("A,Q", "Q", "A"),
        ("system,user,assistant", "user", "assistant"),
    ],
)
@pytest.mark.parametrize("short", [False, True])
def test_names_decide_before_lengths(
    tmp_path: Path, header: str, question: str, answer: str, short: bool
):
    path, names = tmp_path / "tea.csv", header.split(",")
    kinds = {
        question: "Why tea number {0}?",
        answer: "Yes." if short else "long {0} " * 9,
    }
    cells = [kinds.get(name, "x") for name in names]
    rows = [",".join(cell.format(number) for cell in cells) for number in range(30)]
    path.write_text("\n".join([header, *rows]), "utf-8")
    found = guess(path)
    assert (found.question, found.answer) == (question, answer)


def test_what_is_the_same_in_most_rows_is_not_asked(tmp_path: Path):
    path = tmp_path / "tea.csv"
    moods = ["good", "good", "bad"] * 20
    rows = [f"A long sentence about tea {number},{mood}" for number, mood in enumerate(moods)]
    path.write_text("\n".join(["words,mood", *rows]), "utf-8")
    assert (guess(path).question, guess(path).answer) == ("words", "mood")


@pytest.mark.parametrize(
    ("header", "cells", "identifier"),
    [
        ("en,no", "It snows {0},Det snør {0}", "line"),
        ("en,cs,no", "It snows {0},Sněží tu {0},Det snør {0}", "line"),
        ("cs,en,no", "pes tu je{0},a dog{0},hund", "line"),
        ("Nr,question,answer", "{0},What {0}?,That {0}.", "Nr"),
        ("no,question,answer", "A-{0},What {0}?,That {0}.", "no"),
        ("key,question,answer", "tea {0},What {0}?,That {0}.", "line"),
        ("id,question,answer", "abc,What {0}?,That {0}.", "id"),
    ],
)
def test_a_column_of_words_names_no_rows(tmp_path: Path, header: str, cells: str, identifier: str):
    path = tmp_path / "tea.csv"
    path.write_text("\n".join([header, *map(cells.format, range(9))]), "utf-8")
    assert guess(path).id == identifier


@pytest.mark.parametrize(
    "names",
    [
        ("en", "no"),
        ("yes", "on"),
        ("null", "~"),
        ("1e3", "0x10"),
        ("2024-01-02", "1_000"),
        ("a b", "it's"),
        ("#x", "- y"),
        ("&a", "*b"),
    ],
)
def test_a_name_that_yaml_reads_as_something_else_stays_a_name(
    project: Path, tmp_path: Path, names: tuple[str, str]
):
    path = tmp_path / "tea.csv"
    rows = [f"short {number},a longer text {number}" for number in range(30)]
    path.write_text("\n".join([",".join(names), *rows]), "utf-8")
    create_use_case("tea_shop", path, project, register_pipelines())
    text = (project / "conf/base/tea_shop/parameters.yml").read_text("utf-8")
    data, prompt = (yaml.safe_load(text)["tea_shop"][block] for block in ("data", "prompt"))
    assert data["columns"] == list(names)
    assert prompt["prompt"].format_map(dict.fromkeys(names, "x")) == "x"
    assert data["rules"]["unique"] == names[0]


@pytest.mark.parametrize(
    "content",
    [
        b"question,answer\r" + b"\r".join(one.encode() for one in TEA),
        b"sep=,\r\nquestion,answer\r\n" + "\r\n".join(TEA).encode(),
        b"\r\nquestion,answer\r\n" + "\r\n".join(TEA).encode(),
        b"\xef\xbb\xbfquestion\tanswer\n" + "\n".join(TEA).replace(",", "\t").encode(),
    ],
)
@pytest.mark.parametrize("name", ["tea.csv", "tea.tsv", "tea.TXT"])
def test_what_excel_writes_is_read(tmp_path: Path, content: bytes, name: str):
    path = tmp_path / name
    path.write_bytes(content)
    found = guess(path)
    assert (found.id, found.question, found.answer) == ("line", "question", "answer")


def test_short_answers_are_kept_to_the_examples(project: Path, tmp_path: Path):
    path = tmp_path / "sums.csv"
    rows = [f"Is {number} even or odd?,{'EO'[number % 2]}" for number in range(60)]
    path.write_text("\n".join(["question,answer", *rows]), "utf-8")
    create_use_case("sums", path, project, register_pipelines())
    bootstrap_project(project)
    with KedroSession.create(project, env="test") as session:
        session.run(pipeline_names=["sums"], tags=["prepare"])
    report = json.loads((project / "data/test/08_reporting/sums/cleaning_report.json").read_text())
    assert (report["clean"], report["rejected"]) == (60, 0)

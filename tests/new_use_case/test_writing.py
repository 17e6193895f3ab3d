"""A use case of one's own needs a CSV file and no Python."""

import csv
import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from samples.product_descriptions import generate_lines
from tests.conftest import run
from tuneline.cli import cli
from tuneline.errors import TunelineError
from tuneline.new_use_case.columns import guess_columns
from tuneline.new_use_case.writing import create_use_case
from tuneline.pipeline_registry import register_pipelines
from tuneline.use_cases import list_use_cases

AISLES = ("left", "right", "middle")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """What an expert might keep: `;` between the cells, a category, a column nobody needs."""
    goods = [one for line in generate_lines(300) if (one := read_good(line))]
    path = tmp_path / "shop.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["ID", "aisle", "title", "text", "note"])
        for number, good in enumerate(goods[:80]):
            rows.writerow([f"G{number}", AISLES[number % 3], *good, "-"])
    return path


def read_good(line: str) -> tuple[str, str] | None:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return None
    good = (row.get("title"), row.get("content"))
    return good if all(isinstance(text, str) and 20 < len(text) < 400 for text in good) else None


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
    guess = guess_columns(table)
    assert (guess.id, guess.question, guess.answer) == ("ID", "title", "text")
    assert (guess.category, guess.others) == ("aisle", ["note"])


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
        (b"question,the answer: long\n1,22\n", "rename the column"),
        (b'question,"the ""answer"""\n1,22\n', "rename the column"),
        (b"problem,solution\n1,22\n", "Tuneline writes a column of that name itself"),
        ("otázka;odpověď\nKdy?;Ráno.\n".encode("cp1250"), "not UTF-8"),
        (b"a;b\n" + "Kdy?;Včera ráno.\n".encode("cp1250") * 9, "line 2: .* not UTF-8"),
        ("otázka;odpověď\nKdy?;Ráno.\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_makes_no_use_case_is_refused(tmp_path: Path, content: bytes, wrong: str):
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(TunelineError, match=wrong) as refusal:
        guess_columns(path)
    assert "nothing was written" in str(refusal.value)


@pytest.mark.parametrize("name", ["tea.xlsx", "tea.json", "tea"])
def test_a_file_of_another_kind_is_refused_by_its_name(tmp_path: Path, name: str):
    (tmp_path / name).write_text("question,answer\n1,22\n")
    with pytest.raises(TunelineError, match="save the table as CSV"):
        guess_columns(tmp_path / name)


def test_a_column_that_no_prompt_needs_may_have_any_name(tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text('No.,"size 5""",reason,question,answer\n1,2,-,What is it?,It is a long text.\n')
    guess = guess_columns(path)
    assert (guess.question, guess.answer) == ("question", "answer")
    assert guess.others == ["No.", 'size 5"', "reason"]


def test_of_columns_alike_the_last_is_the_answer(tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text("question,answer\nab,cd\n")
    assert (guess_columns(path).question, guess_columns(path).answer) == ("question", "answer")


def test_names_of_columns_with_line_ends_are_names_in_one_line(project: Path, tmp_path: Path):
    path = tmp_path / "tea.csv"
    path.write_text('"the\nnote",question,"long\nanswer"\n-,When?,In the morning.\n')
    assert guess_columns(path).answer == "long answer"
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


def test_the_command_works_from_any_folder_of_the_project(
    project: Path, table: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project / "conf/base")
    done = CliRunner().invoke(cli, ["new-use-case", "tea_shop", str(table)])
    assert done.exit_code == 0, done.output
    assert (project / "conf/base/tea_shop/parameters.yml").is_file()

"""A use case of one's own needs a CSV file and no Python."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from tests.conftest import run
from tuneline.cli import cli
from tuneline.errors import TunelineError
from tuneline.new_use_case import create_use_case, guess_columns
from tuneline.pipeline_registry import register_pipelines
from tuneline.use_cases import list_use_cases

KINDS = ("green", "black", "herbal")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """What an expert might keep: `;` between the cells, a category, a column nobody needs."""
    rows = [
        f"T{n};{KINDS[n % 3]};Wie lange zieht {KINDS[n % 3]} Tee Nummer {n}?;"
        f'"Tee Nummer {n} zieht {n % 7 + 1} Minuten; dann nimm die Blätter heraus.";x'
        for n in range(60)
    ]
    path = tmp_path / "tea.csv"
    path.write_text("\n".join(["ID;topic;question;answer;note", *rows]), encoding="utf-8")
    return path


def test_a_use_case_made_from_a_csv_is_found_by_itself_and_runs(project: Path, table: Path):
    bootstrap_project(project)
    done = CliRunner().invoke(cli, ["new-use-case", "tea_shop", str(table)])
    assert done.exit_code == 0, done.output
    assert "tea_shop" in list_use_cases()
    assert {"tea_shop", "all"} <= register_pipelines().keys()
    assert (project / "conf/laptop/tea_shop/parameters.yml").is_file()
    run(project, "tea_shop")
    assert "</html>" in (project / "data/test/08_reporting/tea_shop/report.html").read_text()


def test_columns_are_told_apart_by_name_and_length(table: Path):
    guess = guess_columns(table)
    assert (guess.id, guess.question, guess.answer) == ("ID", "question", "answer")
    assert (guess.category, guess.others) == ("topic", ["note"])


def test_raw_data_is_copied_and_left_where_it_is(project: Path, table: Path):
    create_use_case("tea_shop", table, project)
    assert (project / "data/01_raw/tea_shop/tea.csv").read_bytes() == table.read_bytes()


@pytest.mark.parametrize("name", ["product_descriptions", "train", "Tea shop", "../tea"])
def test_a_name_that_is_taken_or_no_name_writes_nothing(project: Path, table: Path, name: str):
    before = sorted(project.rglob("*"))
    with pytest.raises(TunelineError, match="nothing was written"):
        create_use_case(name, table, project)
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("header", "wrong"),
    [("question", "at least two columns"), ("question,the answer: long", "rename the column")],
)
def test_a_header_that_no_prompt_can_use_is_refused(tmp_path: Path, header: str, wrong: str):
    path = tmp_path / "odd.csv"
    path.write_text(f"{header}\n1,2\n")
    with pytest.raises(TunelineError, match=wrong):
        guess_columns(path)

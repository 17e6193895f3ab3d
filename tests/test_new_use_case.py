"""A use case of one's own needs a CSV file and no Python."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from samples.product_descriptions import generate_lines
from tests.conftest import run
from tuneline.cli import cli
from tuneline.errors import TunelineError
from tuneline.new_use_case import create_use_case, guess_columns
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
    create_use_case("corner_shop", table, project)
    assert (project / "data/01_raw/corner_shop/shop.csv").read_bytes() == table.read_bytes()


@pytest.mark.parametrize("name", ["product_descriptions", "train", "Corner shop", "../shop"])
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

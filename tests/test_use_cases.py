"""Each use case runs from its raw format to its report, from configuration alone."""

import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import PROJECT, link_samples
from tests.pipelines.rubric.filling import fill
from tuneline.errors import TunelineError

pytestmark = pytest.mark.slow

DATA = Path("data/test")
OTHERS = ["development_plans", "essential_oils", "persona_dialogues", "shoe_mould"]
# In docs/use_cases.md: a section, a row of its table, a file with its fields, words of the report.
SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
FIELDS = re.compile(r"`([\w]+\.(?:json|jsonl|csv))`: ((?:`[^`]+`(?:, )?)+)")
WORDS = re.compile(r"\*([^*]+)\*")
NAMED_ROW = re.compile(r"(\w+)\[([^\]]+)\]")


@pytest.fixture
def samples(project: Path) -> Path:
    """A copy of the project with the raw samples of all use cases."""
    return link_samples(project)


@pytest.fixture(scope="module")
def finished(finished_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Rate the answers of one use case, and be in the folder where all have run."""
    folder = tmp_path_factory.mktemp("rated") / "project"
    shutil.copytree(finished_runs, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rate(folder / DATA / "07_model_output/shoe_mould")
        run_pipelines(folder, "shoe_mould.rubric")
        yield folder


def run_pipelines(folder: Path, *names: str, env: str = "test", **options: Any) -> None:
    bootstrap_project(folder)
    with KedroSession.create(folder, env=env) as session:
        session.run(pipeline_names=list(names), **options)


def rate(folder: Path) -> None:
    """Fill the blind sheet in as somebody would who prefers the tuned answers."""
    (sheet,), (key,) = ((folder / name).iterdir() for name in ("rating_sheet", "rating_key"))
    (folder / "ratings").mkdir()
    shutil.copy(sheet, folder / "ratings/ann.xlsx")
    fill(folder / "ratings/ann.xlsx", json.loads(key.read_text()))


def read_plan(use_case: str) -> dict:
    return json.loads((DATA / f"08_reporting/{use_case}/plan.json").read_text())


def read_report(folder: Path, use_case: str) -> str:
    return (folder / DATA / f"08_reporting/{use_case}/report.html").read_text(encoding="utf-8")


def list_places() -> list[tuple[str, str]]:
    """List the rows of the tables that say where a team's figure is."""
    page = (PROJECT / "docs/use_cases.md").read_text(encoding="utf-8")
    return [
        (use_case, line)
        for use_case, section in SECTION.findall(page)
        for line in section.splitlines()
        if FIELDS.search(line)
    ]


def find_file(folder: Path, use_case: str, name: str) -> Path:
    found = sorted((folder / DATA).glob(f"*/{use_case}/{name}"))
    assert found, f"{name} of {use_case} is not there"
    return found[0] if found[0].is_file() else max(found[0].glob(f"*/{name}"))


def look_up(path: Path, field: str) -> Any:
    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False)[field].iloc[0]
    text = path.read_bytes()
    value = orjson.loads(text.splitlines()[0] if path.suffix == ".jsonl" else text)
    for part in field.split("."):
        named = NAMED_ROW.fullmatch(part)
        if named:
            (value,) = [row for row in value[named[1]] if row["name"] == named[2]]
        else:
            value = value[part]
    return value


@pytest.mark.parametrize(("use_case", "line"), list_places())
def test_a_teams_figure_is_where_the_documentation_says(finished: Path, use_case: str, line: str):
    for name, fields in FIELDS.findall(line):
        path = find_file(finished, use_case, name)
        for field in re.findall(r"`([^`]+)`", fields):
            look_up(path, field)
    page = " ".join(unescape(read_report(finished, use_case)).split())
    for words in WORDS.findall(line.split("|")[3]):
        assert words in page, words


def test_the_documentation_names_figures_of_every_use_case():
    assert {use_case for use_case, _ in list_places()} == {*OTHERS, "product_descriptions"}


def test_every_use_case_asks_its_questions_before_and_after(finished: Path, read_lines):
    for use_case in (*OTHERS, "product_descriptions"):
        answers = read_lines(finished / DATA / f"07_model_output/{use_case}/answers.jsonl")
        asked = [row for row in answers if row["reference"] is None]
        assert asked, use_case
        assert all({"base_answer", "tuned_answer"} <= row.keys() for row in asked)


def test_the_teams_own_table_is_in_the_report_once_a_sheet_is_filled(finished: Path):
    found = json.loads((finished / DATA / "08_reporting/shoe_mould/rubric.json").read_text())
    criteria = found["people"]["criteria"]
    assert list(criteria) == [
        "Completeness",
        "Accuracy of numbers",
        "Semantic consistency",
        "Readability",
    ]
    for one in criteria.values():
        assert (one["base"], one["tuned"], round(one["change"])) == (5, 8, 60)
    assert "+60 %" in read_report(finished, "shoe_mould")


def test_levels_are_told_apart_and_every_category_is_held_out(finished: Path, read_lines):
    (scores,) = (finished / DATA / "08_reporting/shoe_mould/scores.json").glob("*/scores.json")
    levels = json.loads(scores.read_text())["slices"]["level"]
    assert set(levels) <= {"基礎", "診斷", "處理"}
    assert sum(level["chrf"]["rows"] for level in levels.values()) == 10
    for split in ("train", "validation", "test"):
        examples = read_lines(finished / DATA / f"05_model_input/shoe_mould/{split}.jsonl")
        assert len({example["meta"]["category"] for example in examples}) == 10
        assert all(example["meta"]["key_terms"] for example in examples)


def test_the_persona_makes_all_its_rows(finished: Path):
    report = DATA / "08_reporting/persona_dialogues/synthesis_report.json"
    made = json.loads((finished / report).read_text("utf-8"))
    clean = finished / DATA / "03_primary/persona_dialogues/clean.csv"
    rows = clean.read_text("utf-8").splitlines()
    assert len(rows) - 1 == made["raw"]["all"] == 132


def test_the_overview_has_a_row_and_links_for_every_use_case(finished: Path):
    page = finished / DATA / "08_reporting/overview.html"
    links = re.findall(r'href="([^":]+)"', page.read_text(encoding="utf-8"))
    assert len(links) == 8 * 5
    assert all((page.parent / link).is_file() for link in links)


def test_documents_6_and_14_are_held_out_and_every_section_is_found(samples: Path, read_lines):
    run_pipelines(samples, "development_plans", tags=["prepare"], env="laptop")
    folder = Path("data/05_model_input/development_plans")
    splits = {
        split: read_lines(folder / f"{split}.jsonl") for split in ("train", "validation", "test")
    }
    assert {example["id"] for example in splits["test"]} == {"plan_06", "plan_14"}
    assert len(splits["train"]) == 13
    for example in [one for examples in splits.values() for one in examples]:
        offer = example["completion"][0]["content"].splitlines()
        assert [line for line in offer if line.startswith("# ")] == [
            "# Scopul documentului",
            "# Structura proiectului",
            "# Sugestii suplimentare",
            "# Preț și timp",
        ]
    report = pd.read_csv(
        "data/08_reporting/development_plans/pair_report.csv", keep_default_na=False
    )
    assert list(report["problem"].unique()) == [""]


def test_offers_longer_than_max_length_are_refused_instead_of_cut(samples: Path):
    own = samples / "conf/test/development_plans/parameters.yml"
    own.write_text(own.read_text().replace("max_length: 4096", "max_length: 1024"))
    run_pipelines(samples, "development_plans", tags=["prepare", "plan"])
    plan = read_plan("development_plans")
    assert plan["verdict"]["label"] == "does not fit"
    assert plan["overlong"]["share"] == 1
    with pytest.raises(TunelineError, match="the run does not fit"):
        run_pipelines(samples, "development_plans", tags=["train"])


def test_a_real_files_few_long_rows_do_not_stop_a_laptop(samples: Path):
    """Two rows in a hundred are longer than the tiny model's limit: left out, and counted."""
    raw = samples / "data/01_raw"
    shutil.copytree(PROJECT / "data/01_raw/shoe_mould", samples / "shoe_mould")
    raw.unlink()
    raw.mkdir()
    (samples / "shoe_mould").rename(raw / "shoe_mould")
    rows = orjson.loads((raw / "shoe_mould/questions.json").read_bytes())
    for row in rows[::50]:
        row["answer"] *= 4
    (raw / "shoe_mould/questions.json").write_bytes(orjson.dumps(rows))
    run_pipelines(samples, "shoe_mould", env="laptop", tags=["prepare", "plan"])
    plan = json.loads((samples / "data/08_reporting/shoe_mould/plan.json").read_text())
    assert plan["verdict"]["label"] == "fits, with warnings"
    assert sum(plan["overlong"]["left_out"].values()) >= 1
    assert "longer than recipe.max_length = 256: left out of the" in plan["verdict"]["summary"]


@pytest.mark.parametrize("use_case", [*OTHERS, "product_descriptions"])
def test_every_use_case_leaves_long_rows_out_on_a_laptop(use_case: str):
    from kedro.config import OmegaConfigLoader

    from tuneline.settings import CONFIG_LOADER_ARGS

    loader = OmegaConfigLoader(str(PROJECT / "conf"), env="laptop", **CONFIG_LOADER_ARGS)
    assert loader["parameters"][use_case]["recipe"]["overlong"] == "drop"

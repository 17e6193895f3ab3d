"""Each use case runs from its raw format to its report, from configuration alone."""

import json
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import PROJECT, run
from tuneline.errors import TunelineError

DATA = Path("data/test")


@pytest.fixture
def samples(project: Path) -> Path:
    """A copy of the project with the raw samples of all use cases."""
    for source in (PROJECT / "data/01_raw").iterdir():
        if not (project / "data/01_raw" / source.name).exists():
            (project / "data/01_raw" / source.name).symlink_to(source)
    return project


def run_stages(folder: Path, use_case: str, *stages: str, env: str = "test") -> None:
    bootstrap_project(folder)
    with KedroSession.create(folder, env=env) as session:
        session.run(pipeline_names=[use_case], tags=stages)


def read_plan(use_case: str) -> dict:
    return json.loads((DATA / f"08_reporting/{use_case}/plan.json").read_text())


@pytest.mark.parametrize("use_case", ["shoe_mould", "essential_oils", "development_plans"])
def test_a_use_case_runs_from_raw_to_report(samples: Path, use_case: str):
    run(samples, use_case)
    report = (DATA / f"08_reporting/{use_case}/report.html").read_text()
    assert "</html>" in report
    assert read_plan(use_case)["tokens"]


def test_every_category_of_shoe_mould_is_held_out(samples: Path, read_lines):
    run_stages(samples, "shoe_mould", "prepare")
    for side in ("train", "validation", "test"):
        examples = read_lines(DATA / f"05_model_input/shoe_mould/{side}.jsonl")
        assert len({example["meta"]["category"] for example in examples}) == 10
        assert all(example["meta"]["key_terms"] for example in examples)


def test_documents_6_and_14_are_held_out_and_every_section_is_found(samples: Path, read_lines):
    run_stages(samples, "development_plans", "prepare", env="laptop")
    folder = Path("data/05_model_input/development_plans")
    sides = {side: read_lines(folder / f"{side}.jsonl") for side in ("train", "validation", "test")}
    assert {example["id"] for example in sides["test"]} == {"plan_06", "plan_14"}
    assert len(sides["train"]) == 13
    for example in [one for examples in sides.values() for one in examples]:
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
    own.write_text(own.read_text().replace("max_length: 8192", "max_length: 1024"))
    run_stages(samples, "development_plans", "prepare", "plan")
    plan = read_plan("development_plans")
    assert plan["verdict"]["shown"] == "does not fit"
    assert plan["overflow"]["share"] == 1
    with pytest.raises(TunelineError, match="the run does not fit"):
        run_stages(samples, "development_plans", "train")

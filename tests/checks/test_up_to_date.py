"""A stage that would only make again what is there; real runs and real files."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog

from tests.commands import kedro
from tests.conftest import RAW, run
from tuneline.checks import stage_inputs
from tuneline.checks.file_stamps import list_files
from tuneline.checks.stage_inputs import describe_stage
from tuneline.checks.up_to_date import is_up_to_date, list_stages, name_stage
from tuneline.datasets import JSONDataset, RawDocumentsDataset

NAME = "product_descriptions.prepare"
TRAIN = Path("data/test/05_model_input/product_descriptions/train.jsonl")
SENTENCE = f"{NAME} is up to date"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import copy_project

    project = copy_project(tmp_path_factory.mktemp("prepared") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        run(project, "prepare")
    return project


@pytest.fixture
def project(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(prepared)
    return prepared


def check(project: Path, name: str = NAME, **params: object) -> bool:
    with KedroSession.create(project, env="test", runtime_params=params) as session:
        context = session.load_context()
        return is_up_to_date(project / "data/test", name, pipelines[name], context.catalog)


def test_the_same_again_is_up_to_date(project: Path):
    assert check(project)


def test_other_parameters_are_another_result(project: Path):
    assert not check(project, product_descriptions={"data": {"split": {"test": 17}}})
    # What no node of the stage takes decides nothing of it.
    assert check(project, product_descriptions={"recipe": {"learning_rate": 3e-4}})


def test_the_files_of_an_adapter_that_is_trained_further_are_inputs(project: Path, tmp_path: Path):
    weights = tmp_path / "adapter_model.safetensors"
    stated = {"product_descriptions": {"recipe": {"start_from": str(tmp_path)}}}

    def describe() -> dict[str, Any]:
        with KedroSession.create(project, env="test", runtime_params=stated) as session:
            catalog = session.load_context().catalog
            return describe_stage(NAME, pipelines[NAME], catalog)

    weights.write_bytes(b"one")
    before = describe()
    assert describe() == before
    weights.write_bytes(b"two")
    assert describe() != before


def test_folders_that_hold_no_files_of_their_own_are_noticed(tmp_path: Path):
    folder, elsewhere = tmp_path / "documents", tmp_path / "elsewhere"
    for one in (folder / "deep", elsewhere):
        one.mkdir(parents=True)
        (one / "tea.txt").write_text("Tea")
    catalog = DataCatalog({"texts": RawDocumentsDataset(filepath=str(folder))})
    (folder / "empty").mkdir()
    (folder / "linked").symlink_to(elsewhere)
    found = {Path(one).relative_to(folder).as_posix() for one in list_files("texts", catalog)}
    assert found == {"deep/tea.txt", "empty", "linked"}


@pytest.mark.slow
def test_a_training_is_as_new_as_what_it_obeys_of_its_plan(project: Path):
    stage = "product_descriptions.train"
    path = project / "data/test/08_reporting/product_descriptions/plan.json"
    for name in ("plan", "train"):
        run(project, name)
    planned = path.read_bytes()
    assert check(project, stage)
    run(project, "plan")  # it reads how long the training took
    assert path.read_bytes() != planned
    assert check(project, stage)
    plan = JSONDataset(filepath=str(path))
    plan.save({**plan.load(), "verdict": {**plan.load()["verdict"], "label": "does not fit"}})
    assert not check(project, stage)


@pytest.mark.slow
def test_another_vllm_may_answer_otherwise(project: Path, monkeypatch: pytest.MonkeyPatch):
    stage, python = "product_descriptions.evaluate", {"hardware": {"vllm_python": sys.executable}}

    def describe() -> Any:
        with KedroSession.create(project, env="test", runtime_params=python) as session:
            catalog = session.load_context().catalog
            return describe_stage(stage, pipelines[stage], catalog)["inputs"]["params:hardware"]

    monkeypatch.setattr(stage_inputs, "find_version", lambda _: "0.1.0")
    before = describe()
    assert describe() == before
    monkeypatch.setattr(stage_inputs, "find_version", lambda _: "0.2.0")
    assert describe() != before


def test_another_way_to_read_is_another_result(project: Path):
    stated = project / "conf/local/catalog.yml"
    entry = {"type": "tuneline.datasets.RawJSONDataset", "encoding": "cp1252"}
    stated.write_text(yaml.safe_dump({"product_descriptions.raw": {**entry, "filepath": str(RAW)}}))
    assert not check(project)
    stated.unlink()
    assert check(project)


def test_other_code_or_another_library_is_another_result(
    project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stage_inputs, "hash_code", lambda: "another")
    assert not check(project)


def test_a_file_that_another_one_has_replaced_is_another_one_though_it_has_its_time(project: Path):
    for path in (project / RAW, project / TRAIN):
        before, content = path.stat(), path.read_bytes()
        copy = path.with_name("copy")
        shutil.copy2(path, copy)
        path.write_bytes(content[:-1] + b"\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert not check(project)
        copy.replace(path)
        assert not check(project)  # the same bytes, and nobody has looked at them
        run(project, "prepare")
        assert check(project)


def test_a_result_that_is_gone_is_made_again(project: Path):
    path = project / TRAIN
    aside = path.with_name("aside")
    path.rename(aside)
    assert not check(project)
    aside.rename(path)
    assert not check(project)
    run(project, "prepare")
    assert check(project)


def test_a_damaged_record_says_nothing(project: Path):
    record = project / f"data/test/.stages/{NAME}.json"
    content = record.read_bytes()
    for damaged in (content[:-40], content.replace(b'"code": "', b'"code": "0')):
        record.write_bytes(damaged)
        assert not check(project)
    record.write_bytes(content)
    assert check(project)


def test_only_whole_stages_that_act_on_their_own_files_can_be_up_to_date(project: Path):
    assert name_stage(pipelines["prepare"], pipelines) == NAME
    for name in ("ask", "merge", "publish", "finetune_api", "overview", "product_descriptions"):
        assert name_stage(pipelines[name], pipelines) is None
    part = pipelines["prepare"].only_nodes("clean.clean_rows")
    assert name_stage(part, pipelines) is None
    assert set(list_stages(pipelines["product_descriptions"], pipelines)) == {
        f"product_descriptions.{stage}" for stage in ("prepare", "plan", "train", "evaluate")
    }


def test_a_whole_run_leaves_the_records_of_its_stages(finished_run: Path):
    """All but the plan's: it reads how long the training took, and would now say it better."""
    records = {path.stem for path in (finished_run / "data/test/.stages").iterdir()}
    assert records == {f"product_descriptions.{one}" for one in ("prepare", "train", "evaluate")}


def test_a_remote_source_is_never_told_to_be_the_same(project: Path):
    stated = project / "conf/local/catalog.yml"
    entry = {"type": "tuneline.datasets.RawJSONDataset", "filepath": "memory://raw.json"}
    stated.write_text(yaml.safe_dump({"product_descriptions.raw": entry}))
    assert not check(project)
    stated.unlink()


def test_a_version_of_a_later_run_is_no_change_of_the_catalog(project: Path):
    def describe() -> str:
        with KedroSession.create(project, env="test") as session:
            catalog = session.load_context().catalog
        return stage_inputs._hash_entry("product_descriptions.scores", catalog)

    assert describe() == describe()


@pytest.mark.slow
def test_the_command_says_so_and_ends_and_runs_when_it_is_forced(project: Path):
    words = ("run", "--env=test", "--pipeline=prepare")
    first = kedro(project, *words)
    again = kedro(project, *words)
    forced = kedro(project, *words, "--force")
    assert (first.returncode, again.returncode, forced.returncode) == (0, 0, 0)
    assert SENTENCE in again.stdout
    assert "`--force` runs it all the same" in again.stdout
    assert "clean_rows" not in again.stdout
    assert "clean_rows" in forced.stdout

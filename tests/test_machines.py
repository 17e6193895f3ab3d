"""What one machine prepared, another one trains on: only the plan belongs to a machine."""

import shutil
from pathlib import Path

import pytest
import yaml
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from tests.conftest import PROJECT
from tuneline.checks.machines import compare_gpu
from tuneline.errors import TunelineError
from tuneline.parameters import Hardware
from tuneline.settings import CONFIG_LOADER_ARGS, CONFIG_LOADER_CLASS

pytestmark = pytest.mark.slow


def run_stage(project: Path, stage: str, env: str) -> None:
    bootstrap_project(project)
    with KedroSession.create(project, env=env) as session:
        session.run(pipeline_names=[stage])


@pytest.fixture
def project(finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a copy of the finished run, with a second machine that writes to the same folder."""
    folder = tmp_path / "project"
    shutil.copytree(finished_run, folder, symlinks=True)
    shutil.copytree(folder / "conf/test", folder / "conf/other")
    path = folder / "conf/other/parameters_hardware.yml"
    stated = yaml.safe_load(path.read_text())
    stated["hardware"] |= {"name": "other CPU", "tokens_per_batch": 1024}
    path.write_text(yaml.safe_dump(stated))
    monkeypatch.chdir(folder)
    return folder


def test_examples_of_one_machine_are_trained_on_by_another_after_its_own_plan(project: Path):
    examples = project / "data/test/05_model_input/product_descriptions/train.jsonl"
    before = examples.read_bytes()
    with pytest.raises(TunelineError, match="the plan was made for another run"):
        run_stage(project, "train", "other")
    run_stage(project, "plan", "other")
    run_stage(project, "train", "other")
    assert examples.read_bytes() == before


def test_both_colabs_differ_in_the_machine_alone():
    free, paid = (
        CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env=f"colab_{kind}", **CONFIG_LOADER_ARGS)
        for kind in ("free", "paid")
    )
    assert free["parameters"]["hardware"] != paid["parameters"]["hardware"]
    without_machine = [
        {name: block for name, block in loader["parameters"].items() if name != "hardware"}
        for loader in (free, paid)
    ]
    assert without_machine[0] == without_machine[1]
    assert free["catalog"] == paid["catalog"]
    assert free["globals"] == paid["globals"]


@pytest.mark.parametrize(
    ("env", "capability", "mebibytes"),
    [
        ("colab_free", 7.5, 14_912),  # T4
        ("colab_paid", 8.9, 22_490),  # L4
        ("base", 8.9, 22_490),
        ("multi_gpu", 8.9, 22_490),
    ],
)
def test_a_machine_takes_the_gpu_it_is_named_after(env: str, capability: float, mebibytes: int):
    loader = CONFIG_LOADER_CLASS(str(PROJECT / "conf"), env=env, **CONFIG_LOADER_ARGS)
    hardware = Hardware.model_validate(loader["parameters"]["hardware"])
    found = compare_gpu(hardware, capability, mebibytes * 2**20 / 1e9, hardware.processes)
    assert [str(problem) for problem in found] == []
